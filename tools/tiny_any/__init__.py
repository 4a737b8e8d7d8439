"""What ``train_tiny_any.py`` is made of. Shapes, tones and videos are drawn by ``examples/media_made.py``."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "examples"))
