// A server of npm ws, as its documentation has it: see src/lib.rs for what every server here does.
import { createServer } from "node:http";
import { WebSocketServer } from "ws";

const http = createServer();
const echo = new WebSocketServer({ noServer: true, perMessageDeflate: false });
const compressed = new WebSocketServer({ noServer: true, perMessageDeflate: { threshold: 0 } });
const room = new WebSocketServer({ noServer: true, perMessageDeflate: false });

for (const server of [echo, compressed]) {
  server.on("connection", (socket) => {
    socket.on("error", () => {});
    socket.on("message", (data, isBinary) => socket.send(data, { binary: isBinary }));
  });
}
room.on("connection", (socket) => {
  socket.on("error", () => {});
  socket.on("message", (data, isBinary) => {
    for (const client of room.clients) client.send(data, { binary: isBinary });
  });
});
http.on("upgrade", (request, socket, head) => {
  const server = { "/broadcast": room, "/compressed": compressed }[request.url] ?? echo;
  server.handleUpgrade(request, socket, head, (client) => server.emit("connection", client, request));
});
http.listen({ port: 0, host: "127.0.0.1", backlog: 1024 }, () => {
  console.log(`listening on ws://127.0.0.1:${http.address().port}`);
});
