"""Where tasks of tests stand: workers find them by the same path."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parent))
