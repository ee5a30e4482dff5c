"""Shared by all tests: the loopback Hub, few and repeatable hypothesis examples, one thread."""

import os
import signal

os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

import torch
from hypothesis import HealthCheck, settings

pytest_plugins = ["hub"]

quiet = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.function_scoped_fixture]
settings.register_profile("default", deadline=None, max_examples=10, derandomize=True, suppress_health_check=quiet)
settings.register_profile("thorough", settings.get_profile("default"), max_examples=60, derandomize=False)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))
torch.set_num_threads(1)  # The models are tiny; more threads only wait for each other.
signal.signal(signal.SIGINT, signal.default_int_handler)  # Started in the background, they would not hear Ctrl-C.
