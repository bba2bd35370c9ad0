// An echo server of the package ws, for wasket's client: prints its port, and runs until its input ends.
//
//     server.mjs [CERTIFICATE KEY]

import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { createServer as createSecureServer } from "node:https";
import { WebSocketServer } from "ws";

const [certificate, key] = process.argv.slice(2);
const server = certificate
  ? createSecureServer({ cert: readFileSync(certificate), key: readFileSync(key) })
  : createServer();
const sockets = new WebSocketServer({ server, perMessageDeflate: { threshold: 0 } });
sockets.on("connection", (socket) => {
  socket.on("message", (data, isBinary) => socket.send(data, { binary: isBinary }));
});
server.listen(0, "127.0.0.1", () => console.log(server.address().port));
process.stdin.on("end", () => process.exit()).resume();
