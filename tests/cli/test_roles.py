"""Roles: what is refused before MXNet reads it, ports that are held, and what is not unpickled."""

import pickle
import socket

import pytest

from d2l_mlp.cli.roles import (
    EnvironmentVariableError,
    check_port,
    hold_ports,
    prepare_role,
)
from tests.groups import TRAIN, ends, environment

PROG = "python -m d2l_mlp.train"
HOST = "127.0.0.1"
ALONE = ("-m", "d2l_mlp.train", "--dataset", "sample")


@pytest.fixture
def variables(monkeypatch):
    """Set the variables of a group, some of them otherwise or not."""

    def variables(**changed):
        for name, value in {**environment(2), "DMLC_ROLE": "worker", **changed}.items():
            monkeypatch.setenv(name, value or "")
            if value is None:
                monkeypatch.delenv(name)

    return variables


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"DMLC_ROLE": None}, "DMLC_ROLE is not set; give one of scheduler, server, worker"),
        ({"DMLC_ROLE": "chief"}, "DMLC_ROLE is 'chief'; give one of scheduler, server, worker"),
        ({"DMLC_NUM_WORKER": "0"}, "DMLC_NUM_WORKER is '0'; give an integer of at least 1"),
        ({"DMLC_NUM_WORKER": "two"}, "DMLC_NUM_WORKER is 'two'; give an integer of at least 1"),
        ({"DMLC_NUM_SERVER": None}, "DMLC_NUM_SERVER is not set; give an integer of at least 1"),
        ({"DMLC_PS_ROOT_PORT": "65536"}, "DMLC_PS_ROOT_PORT is '65536'; give an integer of"),
        ({"DMLC_PS_ROOT_URI": None}, "DMLC_PS_ROOT_URI is not set; give the scheduler's IPv4"),
        ({"DMLC_PS_ROOT_URI": ""}, "DMLC_PS_ROOT_URI is ''; give the scheduler's IPv4 address"),
        ({"DMLC_PS_ROOT_URI": "no.such.invalid"}, "DMLC_PS_ROOT_URI is 'no.such.invalid'; give"),
        ({"DMLC_PS_ROOT_URI": "192.0.2.1"}, "DMLC_NODE_HOST is not set; give this machine's"),
        ({"DMLC_NODE_HOST": "192.0.2.1"}, "DMLC_NODE_HOST is '192.0.2.1'; this machine cannot"),
        ({"DMLC_NODE_HOST": "no.such.invalid"}, "DMLC_NODE_HOST is 'no.such.invalid'; give this"),
    ],
    ids=str,
)
def test_bad_variables_are_refused_by_name(call, variables, changed, says):
    variables(**changed)
    result = call(*TRAIN, code=2)
    assert result.stderr.startswith(f"{PROG}: error: the environment variable {says}")
    assert result.stderr.count("\n") == 1


def test_a_scheduler_whose_port_is_taken_says_so(call, variables):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        variables(DMLC_ROLE="scheduler", DMLC_PS_ROOT_PORT=str(port))
        result = call(*TRAIN, code=2)
    assert f"cannot listen at port {port} " in result.stderr
    assert result.stderr.count("\n") == 1


def test_a_scheduler_in_kubernetes_is_behind_the_address_of_a_service(monkeypatch, variables):
    variables(DMLC_ROLE="scheduler", DMLC_PS_ROOT_URI="192.0.2.1")
    with pytest.raises(EnvironmentVariableError, match=r"cannot listen at port .* of 192\.0\.2\.1"):
        prepare_role("dist_sync")
    monkeypatch.setenv("DMLC_USE_KUBERNETES", "1")
    assert prepare_role("dist_sync") == "scheduler"


@pytest.mark.parametrize("role", ["scheduler", "server", "worker"])
def test_a_role_without_the_flag_is_refused(call, variables, role):
    variables(DMLC_ROLE=role)
    result = call(*ALONE, code=2)
    assert f"DMLC_ROLE is '{role}'; unset it to train alone, or give --kvstore" in result.stderr


class Touch:
    """Makes a file when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (str(self.path), "w")


# MXNet's own way to send an optimizer, which anybody who reaches the port can go.
STRANGER = """
import sys, d2l_mlp, mxnet
kvstore = mxnet.kvstore.create("dist_sync")
kvstore._send_command_to_servers(0, {!r})
"""


@pytest.mark.parametrize("server", ["ours", pytest.param("mxnet's", marks=pytest.mark.slow)])
def test_our_server_unpickles_nothing_and_mxnet_s_does(start, tmp_path, server):
    text = pickle.dumps(Touch(tmp_path / "touched"), 0).decode()
    env = environment(1)
    command = TRAIN if server == "ours" else ("-c", "import d2l_mlp, mxnet")
    group = [start(*command, DMLC_ROLE=role, **env) for role in ("scheduler", "server")]
    group.append(start("-c", STRANGER.format(text), DMLC_ROLE="worker", **env))
    if server == "ours":
        results = ends(group)
        assert [code for code, _, _ in results] == [0, 0, 0]
        assert results[1][2] == "server: refused command 0: nothing is unpickled here\n"
        assert not (tmp_path / "touched").exists()
    else:  # what it makes of the file is an error, in its loop
        group[2].wait(60)
        assert (tmp_path / "touched").exists()


def test_a_held_port_is_for_those_who_share_it_as_zeromq_does():
    with hold_ports(HOST, 3) as numbers:
        assert len(set(numbers)) == 3
        assert numbers == sorted(numbers)
        for number in numbers:
            check_port(HOST, number)
            with socket.socket() as other, pytest.raises(OSError, match="in use"):
                other.bind((HOST, number))
            with socket.socket() as listener:
                listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                listener.bind((HOST, number))
                listener.listen(1)
                with socket.create_connection((HOST, number)) as near, listener.accept()[0] as far:
                    near.sendall(b"it is heard")
                    assert far.recv(100) == b"it is heard"
                with pytest.raises(OSError, match=rf"port {number} of {HOST} \(.* in use"):
                    check_port(HOST, number)
    check_port(HOST, numbers[0])


def test_a_held_port_is_given_to_nobody_else():
    with hold_ports(HOST, 200) as numbers, hold_ports(HOST, 200) as others:
        assert not {*numbers} & {*others}
