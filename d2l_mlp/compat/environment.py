"""Environment variables that MXNet reads: values it does not understand end the process there.

The tables are of what MXNet 1.9.1's library, or its trainer, reads as a number or a choice; other
variables are text, or are left alone by what this package does.
"""

from __future__ import annotations

import os

from d2l_mlp.rules import Choice, Number

_MOST = 2**31 - 1

ENVIRONMENT_RULES: dict[str, Choice | Number] = {
    "MXNET_ENGINE_TYPE": Choice(("NaiveEngine", "ThreadedEngine", "ThreadedEnginePerDevice")),
    "MXNET_TUNING_WEIGHT_SCALE": Number(float),
    **dict.fromkeys(
        (
            "OMP_NUM_THREADS", "MXNET_CPU_WORKER_NTHREADS", "MXNET_CPU_PRIORITY_NTHREADS",
            "MXNET_CPU_PARALLEL_RAND_COPY", "MXNET_CPU_TEMP_COPY", "MXNET_GPU_WORKER_NTHREADS",
            "MXNET_GPU_COPY_NTHREADS", "MXNET_GPU_PARALLEL_RAND_COPY", "MXNET_GPU_TEMP_COPY",
        ),
        Number(int, least=1, most=_MOST),
    ),
    **dict.fromkeys(
        (
            "MXNET_OMP_MAX_THREADS", "MXNET_EXEC_BULK_EXEC_MAX_NODE_TRAIN",
            "MXNET_EXEC_BULK_EXEC_MAX_NODE_TRAIN_FWD", "MXNET_EXEC_BULK_EXEC_MAX_NODE_TRAIN_BWD",
        ),
        Number(int, least=0, most=_MOST),
    ),
    **dict.fromkeys(
        (
            "MXNET_BACKWARD_DO_MIRROR", "MXNET_CPU_PARALLEL_SIZE", "MXNET_DISABLE_MKLDNN_CONV_OPT",
            "MXNET_DISABLE_MKLDNN_FC_OPT", "MXNET_DISABLE_MKLDNN_FUSE_CONV_BN",
            "MXNET_DISABLE_MKLDNN_FUSE_CONV_RELU", "MXNET_DISABLE_MKLDNN_FUSE_CONV_SUM",
            "MXNET_DISABLE_MKLDNN_TRANSFORMER_OPT", "MXNET_EXEC_INPLACE_GRAD_SUM_CAP",
            "MXNET_MKLDNN_CACHE_NUM", "MXNET_MP_OPENCV_NUM_THREADS", "MXNET_MP_WORKER_NTHREADS",
            "MXNET_PROFILER_AUTOSTART", "MXNET_PROFILER_MODE", "MXNET_SUBGRAPH_VERBOSE",
            "MXNET_UPDATE_ON_KVSTORE", "MXNET_USE_NUM_CORES_OPERATOR_TUNING",
        ),
        Number(int, least=-_MOST, most=_MOST),
    ),
    **dict.fromkeys(
        (
            "MXNET_DISABLE_MKLDNN_FUSE_FC_ELTWISE", "MXNET_DISABLE_MKLDNN_QEM_FLOAT_OUTPUT",
            "MXNET_DISABLE_MKLDNN_QEM_FUSE_ALL", "MXNET_DISABLE_MKLDNN_QFC_FLOAT_OUTPUT",
            "MXNET_DISABLE_MKLDNN_QFC_FUSE_ALL", "MXNET_DISABLE_MKLDNN_QTRANSFORMER_FLOAT_OUTPUT",
            "MXNET_DISABLE_MKLDNN_QTRANSFORMER_FUSE_ALL", "MXNET_ELIMINATE_COMMON_EXPR",
            "MXNET_ENGINE_INFO", "MXNET_EXEC_BULK_EXEC_INFERENCE", "MXNET_EXEC_BULK_EXEC_TRAIN",
            "MXNET_EXEC_VERBOSE_LOGGING", "MXNET_INFER_STORAGE_TYPE_VERBOSE_LOGGING",
            "MXNET_KVSTORE_LOGTREE",
            "MXNET_MEM_PLAN_VERBOSE_LOGGING", "MXNET_MKLDNN_DEBUG", "MXNET_MKLDNN_ENABLED",
            "MXNET_MKLDNN_FORCE_FC_AB_FORMAT", "MXNET_OUTPUT_TUNING_DATA",
            "MXNET_VERBOSE_TUNING_INFO",
        ),
        Choice(("0", "1", "false", "true")),
    ),
}  # fmt: skip
"""What each variable may be, if it is set."""


class EnvironmentVariableError(ValueError):
    """An environment variable has a value that MXNet cannot read; the message names both."""

    exit_code = 2


def prepare_environment() -> None:
    """Make the process's environment one that MXNet can read, before it does.

    A variable without text becomes unset. Of a list in ``OMP_NUM_THREADS``, as OpenMP allows for
    parallel regions within each other, the first number remains: MXNet has no such regions.

    Raises
    ------
    EnvironmentVariableError
        If a variable is not what its rule in `RULES` allows.
    """
    for name, rule in ENVIRONMENT_RULES.items():
        text = os.environ.get(name)
        if text is None:
            continue
        if not text.strip():
            del os.environ[name]
            continue
        try:
            values = text.split(",") if name == "OMP_NUM_THREADS" else [text]
            value, *_ = [_read(value, rule) for value in values]
        except ValueError:
            raise EnvironmentVariableError(
                f"the environment variable {name} is {text!r}; unset it, or give {rule}"
            ) from None
        os.environ[name] = str(value)


def _read(text: str, rule: Choice | Number) -> object:
    text = text.strip()
    if isinstance(rule, Choice) and text.lower() in rule.names:
        text = text.lower()
    return rule.parse(text)
