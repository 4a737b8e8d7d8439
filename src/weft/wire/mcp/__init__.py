"""MCP, the Model Context Protocol: the server's verbs as tools of language models and the programs around them.

``toolbox`` has the tools, which take and return JSON; ``protocol`` puts them into the messages of MCP, by the official
SDK (``pip install 'weft[mcp]'``), which only it and ``exchange`` import.
"""
