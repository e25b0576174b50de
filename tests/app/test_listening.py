import socket

from recollect.app.listening import listening


def test_sockets_are_told_to_be_tcp_so_that_small_answers_are_not_held_back() -> None:
    for bound in listening("localhost", 0):
        with bound:
            assert bound.proto == socket.IPPROTO_TCP
            assert bound.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
