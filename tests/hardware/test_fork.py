"""Child processes of a process in which MXNet has computed: each way to start one, and threads."""

import pytest

WORK = """
import d2l_mlp
from mxnet import autograd, gluon, np

ones = np.ones((300, 300))  # worth a second thread

def compute(number):
    layer = gluon.nn.Dense(300)
    layer.initialize("ones")
    with autograd.record():
        total = layer(ones * number).sum()
    total.backward()
    return number, ones.dot(ones).sum().item(), total.item(), layer.weight.grad().sum().item()

def expected(number):
    return number, 300.0**3, number * 300.0**3, number * 300.0**3
"""
SCRIPT = """
import os
from work import compute, expected, gluon, np

{functions}

if __name__ == "__main__":
    assert compute(1) == expected(1)
    for way in ({names}):
        print(way.__name__, flush=True)
        assert list(way()) == [expected(number) for number in range(4)]
        assert compute(1) == expected(1)
"""
MULTIPROCESSING = """
def {0}():
    import multiprocessing
    with multiprocessing.get_context("{0}").Pool(2) as pool:
        yield from pool.map(compute, range(4))
"""
FORKING = {
    "os_fork": """
def os_fork():
    import pickle
    for number in range(4):
        reading, writing = os.pipe()
        if os.fork() == 0:
            os.write(writing, pickle.dumps(compute(number)))
            os._exit(0)
        yield pickle.loads(os.read(reading, 1000))
        assert os.wait()[1] == 0
""",
    "a_childs_child": """
def a_childs_child():
    import multiprocessing
    context = multiprocessing.get_context("fork")
    def parent(queue):
        assert compute(1) == expected(1)
        child = context.Process(target=lambda: [queue.put(compute(n)) for n in range(4)])
        child.start()
        child.join()
    queue = context.Queue()
    child = context.Process(target=parent, args=(queue,))
    child.start()
    yield from (queue.get() for _ in range(4))
    child.join()
""",
    "fork": MULTIPROCESSING.format("fork"),
    "executor": """
def executor():
    from concurrent.futures import ProcessPoolExecutor
    with ProcessPoolExecutor(2) as pool:
        yield from pool.map(compute, range(4))
""",
    "gluons_loader": """
class Computed(gluon.data.Dataset):
    def __len__(self):
        return 4
    def __getitem__(self, number):
        return np.array(compute(number))

def gluons_loader():
    loader = gluon.data.DataLoader(Computed(), 2, num_workers=4)
    return [tuple(row) for batch in loader for row in batch.asnumpy().tolist()]
""",
    "threads": """
def threads():
    from concurrent.futures import ThreadPoolExecutor
    with ThreadPoolExecutor(4) as pool:
        rounds = [list(pool.map(compute, range(4))) for _ in range(20)]
    assert all(results == rounds[0] for results in rounds)
    return rounds[0]
""",
}
STARTING_ANEW = {  # each child imports MXNet
    **{way: MULTIPROCESSING.format(way) for way in ("spawn", "forkserver")},
    "joblib": """
def joblib():
    from joblib import Parallel, delayed
    return Parallel(2)(delayed(compute)(number) for number in range(4))
""",
}


@pytest.mark.parametrize(
    "ways",
    [FORKING, pytest.param(STARTING_ANEW, marks=pytest.mark.slow)],
    ids=["forking", "starting anew"],
)
def test_a_child_computes_what_its_parent_does(run, tmp_path, ways):
    (tmp_path / "work.py").write_text(WORK)
    path = tmp_path / "script.py"  # spawn and forkserver read it again
    path.write_text(SCRIPT.format(functions="".join(ways.values()), names=", ".join(ways)))
    assert run(path).stdout.split() == list(ways)
