"""The tests. Their number of threads is set before torch reads it, and for all programs that they start alike.

Tests run beside each other, and tiny tensors gain nothing from threads. OMP_NUM_THREADS=2 runs them with two.
"""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")
