import functools
import http.server
import threading
from pathlib import Path

import numpy
import pytest
from mxnet.gluon.utils import download
from mxnet.numpy_op_fallback import StrictVersion


def test_numpy_is_left_as_it_was_and_others_are_read_when_they_are_used(run):
    run(
        "-W", "error", "-c",
        "import types, numpy; before = dict(vars(numpy))\n"
        "import sys, d2l_mlp, mxnet\n"
        "new = {k: v for k, v in vars(numpy).items() if before.get(k) is not v}\n"
        "assert all(isinstance(value, types.ModuleType) for value in new.values()), new\n"
        "assert not set(before) - set(vars(numpy))\n"
        "others = {'sklearn', 'scipy.stats._stats_py', 'requests.sessions'}\n"
        "assert not others & set(sys.modules)\n"
        "from mxnet import test_utils\n"
        "assert abs(test_utils.ss.norm.cdf(1.959963984540054) - 0.975) < 1e-12\n"
        "import scipy.stats\n"
        "assert test_utils.ss.norm is scipy.stats.norm\n"
        "assert test_utils.requests.Session.__module__ == 'requests.sessions'\n"
        "import requests\n"
        "assert test_utils.requests.get is requests.get\n"
        "from sklearn.base import BaseEstimator\n"
        "import sklearn; assert sklearn.base.BaseEstimator is BaseEstimator\n"
        "assert others <= set(sys.modules)",
    )  # fmt: skip


def test_others_get_them_while_mxnet_is_imported_and_keep_them(run):
    run(
        "-W", "error", "-c",
        "import d2l_mlp; from d2l_mlp.compat.lazy_imports import delay_imports\n"
        "with delay_imports():\n"
        "    from scipy import stats\n"
        "    import requests\n"
        "    assert abs(stats.norm.cdf(0) - 0.5) < 1e-12 and requests.codes.ok == 200\n"
        "import scipy.stats, requests, sys\n"
        "assert abs(scipy.stats.norm.cdf(0) - 0.5) < 1e-12 and requests.codes.ok == 200\n"
        "before = scipy, scipy.stats, requests\n"
        "import mxnet\n"
        "after = tuple(sys.modules[name] for name in ('scipy', 'scipy.stats', 'requests'))\n"
        "assert before == after == (scipy, scipy.stats, requests)",
    )  # fmt: skip


def test_mxnet_does_without_scipy_distutils_and_setuptools(run, tmp_path):
    # SciPy is made for another NumPy, and then absent.
    (tmp_path / "scipy").mkdir()
    (tmp_path / "scipy" / "__init__.py").touch()
    (tmp_path / "scipy" / "sparse.py").write_text("import sys; raise sys.errors.pop(0)")
    run(
        "-W", "error", "-c",
        "import sys; sys.modules.update(setuptools=None, distutils=None)\n"
        "sys.errors = [AttributeError('long'), ImportError('scipy')]\n"
        "import d2l_mlp; from d2l_mlp.compat.lazy_imports import delay_imports\n"
        "with delay_imports():\n"
        "    assert sys.modules['scipy.sparse'] is sys.modules['scipy.stats'] is None\n"
        "import mxnet, numpy\n"
        "assert mxnet.contrib.quantization.stats is mxnet.nd.sparse.spsp is None\n"
        "assert not sys.errors and 'distutils.version' not in sys.modules\n"
        # What the versions decide: whether NumPy's functions take MXNet's arrays.
        "x = mxnet.np.ones((2, 3))\n"
        "assert isinstance(numpy.concatenate([x, x]), mxnet.np.ndarray)\n"
        "assert isinstance(numpy.add(x, x), mxnet.np.ndarray)",
    )  # fmt: skip


@pytest.mark.parametrize("older", ["1.6.0", "1.9", "1.17"])
def test_versions_are_compared_as_numbers(older):
    assert StrictVersion(numpy.__version__) >= StrictVersion(older)
    assert not StrictVersion(older) >= StrictVersion("1.17.3")


def test_gluons_download_has_its_requests(tmp_path):
    (tmp_path / "x.txt").write_text("here")
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=str(tmp_path))
    with http.server.HTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{server.server_port}/x.txt"
        path = download(address, path=str(tmp_path / "y.txt"))
        assert Path(path).read_text() == "here"
        server.shutdown()
