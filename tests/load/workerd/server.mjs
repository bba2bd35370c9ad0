// A worker of workerd, as its documentation has it: see src/lib.rs for what every server here does. Only a Durable
// Object may share connections, so that is what /broadcast has.
export default {
  async fetch(request, env) {
    if (new URL(request.url).pathname === "/broadcast") {
      return env.room.get(env.room.idFromName("room")).fetch(request);
    }
    const [client, server] = Object.values(new WebSocketPair());
    server.accept();
    server.binaryType = "arraybuffer"; // a Blob would be sent as its name
    server.addEventListener("message", (event) => server.send(event.data));
    return new Response(null, { status: 101, webSocket: client });
  },
};

export class Room {
  sockets = new Set();

  async fetch() {
    const [client, server] = Object.values(new WebSocketPair());
    server.accept();
    server.binaryType = "arraybuffer";
    this.sockets.add(server);
    server.addEventListener("close", () => this.sockets.delete(server));
    server.addEventListener("message", (event) => {
      for (const socket of this.sockets) socket.send(event.data);
    });
    return new Response(null, { status: 101, webSocket: client });
  }
}
