/**
 * How much a gRPC server takes in before the sender must wait for it. grpc-js has an option for clients only: its
 * servers stay at HTTP/2's 64 KiB, which caps an upload at about 15 MiB/s where a message takes 2 ms each way. So the
 * window is raised on the HTTP/2 sessions below it. A grpc-js that keeps its servers elsewhere is refused, not ignored.
 */
import type { Http2Server, ServerHttp2Session } from "node:http2";
import type * as grpc from "@grpc/grpc-js";

/** Call it when the server is bound: sessions that come later have the window, per stream and per connection. */
export function widenReceiveWindow(server: grpc.Server, bytes: number): void {
  const { http2Servers } = server as unknown as { readonly http2Servers?: ReadonlyMap<Http2Server, unknown> };
  if (!(http2Servers instanceof Map) || http2Servers.size === 0) {
    throw new Error(
      "this version of @grpc/grpc-js keeps its HTTP/2 servers elsewhere: see receive-window.ts",
    );
  }
  for (const http2Server of http2Servers.keys()) {
    http2Server.on("session", (session: ServerHttp2Session) => {
      session.settings({ initialWindowSize: bytes });
      session.setLocalWindowSize(bytes);
    });
  }
}
