import compileall
import importlib.util
import shutil
from pathlib import Path

import mxnet
import pytest

from d2l_mlp.compat.importer import INSTALLED_LAST, _Finder
from tests.conftest import ROOT
from tests.processes import without_libraries


def test_mxnet_imported_before_us(run):
    run(
        "-c",
        "import warnings; warnings.simplefilter('ignore')\n"
        "import numpy\n"
        "if numpy.__version__ < '2':\n"
        "    numpy.bool = bool\n"
        "    import mxnet\n"
        "else:\n"
        "    try:\n"
        "        import mxnet\n"
        "    except AttributeError as error:\n"  # MXNet's own; what comes after works all the same
        "        assert 'PZERO' in str(error)\n"
        "import d2l_mlp, mxnet\n"
        "warnings.simplefilter('error')\n"
        "assert mxnet.np.array(True) and mxnet.util.is_np_array()",
    )  # fmt: skip


USE = """
import d2l_mlp, mxnet, sys
from d2l import mxnet as d2l
assert mxnet.util.is_np_array() and d2l.train_ch3 and d2l_mlp.fit
assert len(d2l_mlp.load_fashion_mnist("sample").test[1]) == 1000
assert not (set(map(type, (mxnet.__loader__, d2l.__loader__))) - {type(mxnet.image.__loader__)})
print(d2l_mlp.__file__, mxnet.__file__, d2l.__file__, sep="\\n")
"""


@pytest.mark.slow
@pytest.mark.parametrize("archive", ["zip", "byte code"])
def test_other_loaders_than_that_of_source_are_repaired_too(run, tmp_path, archive):
    site = tmp_path / "site"
    for name in ("d2l_mlp", "mxnet", "d2l"):
        source = Path(importlib.util.find_spec(name).origin).parent
        left_out = shutil.ignore_patterns("__pycache__", "*.so*", "include", "tools")
        shutil.copytree(source, site / name, ignore=left_out)
    library = Path(mxnet.__file__).with_name("libmxnet.so")
    if archive == "zip":
        site = shutil.make_archive(site, "zip", site)
    else:
        compileall.compile_dir(site, quiet=2, legacy=True)
        for path in site.rglob("*.py"):
            path.unlink()
    env = {"PYTHONPATH": str(site)}
    line = run("-c", USE, env=env, code=1).stderr.splitlines()[-1]
    assert line.startswith("ImportError: libmxnet.so is not in MXNet's folder, and cannot be in a")
    env["MXNET_LIBRARY_PATH"] = str(library)
    places = run("-W", "error", "-c", USE, env=env).stdout.splitlines()
    assert [place.startswith(str(site)) for place in places] == [True] * 3


@pytest.mark.parametrize("name", ["mxnet", "d2l"])
def test_a_missing_package_names_the_remedy(name, monkeypatch):
    monkeypatch.setattr("sys.path", [])
    with pytest.raises(ModuleNotFoundError) as error:
        _Finder(dict.fromkeys(INSTALLED_LAST)).find_spec(name)
    command = f"pip install --no-deps '{INSTALLED_LAST[name]}'"
    assert str(error.value) == f"{name} is not installed; install it with: {command}"


def test_a_program_without_the_package_s_data_says_how_to_pack_it(run, tmp_path):
    shutil.copytree(ROOT / "d2l_mlp", tmp_path / "d2l_mlp", ignore=shutil.ignore_patterns("*.pyi"))
    *_, line = run("-c", "import d2l_mlp", code=1, env={"PYTHONPATH": ""}).stderr.splitlines()
    assert "__init__.pyi is missing; PyInstaller brings it with --collect-all d2l_mlp" in line


# forkserver is Python 3.14's default; a loader starts a worker that fails again, for ever.
def test_processes_that_import_the_script_again(run, tmp_path):
    script = tmp_path / "script.py"
    script.write_text(
        "import multiprocessing, d2l_mlp.mlp\n"
        "from mxnet import np\n"
        "from mxnet.gluon.data import ArrayDataset, DataLoader\n"
        "def child():\n"
        "    assert np.ones(2).sum() == 2\n"
        "if __name__ == '__main__':\n"
        "    for method in ('forkserver', 'spawn'):\n"
        "        multiprocessing.set_start_method(method, force=True)\n"
        "        loader = DataLoader(ArrayDataset(np.arange(6.0)), 4, num_workers=2)\n"
        "        print([X.tolist() for X in loader])\n"
        "        del loader\n"
        "    process = multiprocessing.Process(target=child)\n"
        "    process.start(); process.join(); assert process.exitcode == 0\n"
    )
    result = run("-W", "error", script)
    assert result.stdout == 2 * "[[0.0, 1.0, 2.0, 3.0], [4.0, 5.0]]\n"
    assert result.stderr == ""


def test_missing_system_libraries_are_named_with_one_command(tmp_path):
    result = without_libraries("-m", "d2l_mlp.train", "--dataset", "sample", scratch=tmp_path)
    assert result.returncode == 1
    assert result.stderr == (
        "python -m d2l_mlp.train: error: MXNet needs libgomp.so.1, libquadmath.so.0; "
        "to install: apt-get install libgomp1 libquadmath0\n"
    )
