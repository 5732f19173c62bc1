"""Ports that are kept for processes which are still to start."""

import socket

import pytest

from d2l_mlp.cli.roles import check_port, hold_ports

HOST = "127.0.0.1"


def test_a_port_that_is_held_is_for_those_who_share_it_as_zeromq_does():
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
                with pytest.raises(OSError, match="in use") as caught:
                    check_port(HOST, number)
                assert caught.value.filename == f"port {number} of {HOST}"
    check_port(HOST, numbers[0])


def test_what_is_held_is_given_to_nobody_else():
    with hold_ports(HOST, 200) as numbers, hold_ports(HOST, 200) as others:
        assert not {*numbers} & {*others}


def test_an_address_of_another_machine():
    with pytest.raises(OSError, match="assign") as caught, hold_ports("192.0.2.1", 1):
        pass
    assert caught.value.filename == "192.0.2.1"
