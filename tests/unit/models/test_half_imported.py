"""A run's worker may call the model while a cell is in the middle of ``import torch``: that must not end the kernel."""

from __future__ import annotations

import subprocess
import sys

SCRIPT = """
import threading
import time
import numpy as np
from jupyter_xai.models import wrap

predictor = wrap(lambda rows: rows[:, 0], kind="table")
calls = 0
done = threading.Event()

def work():
    global calls
    while not done.is_set():
        predictor.predict(np.ones((4, 2)))
        calls += 1
        time.sleep(0.002)  # a loop that never rests takes 5 ms at every file that the import opens: minutes

worker = threading.Thread(target=work)
worker.start()
import torch
done.set()
worker.join()
print("alive", calls > 3)
"""


def test_the_model_may_be_called_while_torch_is_being_imported() -> None:
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.stdout.split() == ["alive", "True"], (done.returncode, done.stderr[-500:])
