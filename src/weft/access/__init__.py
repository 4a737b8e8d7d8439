"""Access: who is asking, and may they do that?"""
