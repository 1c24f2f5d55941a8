// SPDX-License-Identifier: Apache-2.0

import java.io.OutputStream;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;

/** Answers each connection over HTTP with the peer that it sees; on a dual-stack socket, as Java has it. */
public final class PeerServer {
    private PeerServer() {
    }

    public static void main(String[] args) throws Exception {
        try (ServerSocket server = new ServerSocket(Integer.parseInt(args[0]))) {
            System.out.println("READY");
            while (true) {
                try (Socket socket = server.accept()) {
                    socket.getInputStream().read();
                    String body = "peer=" + socket.getRemoteSocketAddress() + "\n";
                    String head = "HTTP/1.0 200 OK\r\nContent-Length: " + body.length() + "\r\n\r\n";
                    OutputStream out = socket.getOutputStream();
                    out.write((head + body).getBytes(StandardCharsets.US_ASCII));
                }
            }
        }
    }
}
