// Java's own client (java.net.http) against the demo services: java Client.java ws://127.0.0.1:PORT
// Over wss:// the variable WASKET_CA names the certificate to trust. Prints one line a check and
// `N passed, M failed` at the end; exits 1 when one failed.

import java.io.InputStream;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.WebSocket;
import java.net.http.WebSocketHandshakeException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyStore;
import java.security.cert.CertificateFactory;
import java.util.Arrays;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLParameters;
import javax.net.ssl.TrustManagerFactory;

public class Client {
    static final int WAIT_S = 10;
    static final int[] SIZES = {0, 1, 125, 126, 65_535, 65_536, 1 << 20};
    static final String TEXT = "h\u00e9llo \ud83c\udf0d, \u4e16\u754c";
    static String base;
    static int passed;
    static int failed;

    interface Check {
        void run() throws Exception;
    }

    public static void main(String[] arguments) throws Exception {
        base = arguments[0].replaceAll("/$", "");
        check("echo: text of 0 bytes to 1 MiB comes back as text", Client::echoText);
        check("echo: binary of 0 bytes to 1 MiB comes back as binary", Client::echoBinary);
        check("echo: a fragmented message comes back whole, with a ping between its frames", Client::fragments);
        check("echo: close codes and reasons are echoed", Client::close); // parity W15
        check("chat: two people come, talk and go", Client::chat); // parity B2
        check("laputa: BALUS has its own answer", Client::laputa);
        check("handshake: an unknown path is answered with 404", Client::nowhere); // parity S9
        if (base.startsWith("wss:")) {
            // parity S6
            for (String version : new String[] {"TLSv1.2", "TLSv1.3"}) {
                check("tls: " + version + " works", () -> version(version));
            }
            check("tls: who does not trust the certificate does not connect", Client::untrusted);
        }
        System.out.println(passed + " passed, " + failed + " failed");
        System.exit(failed == 0 ? 0 : 1);
    }

    static void check(String name, Check check) {
        try {
            check.run();
            passed++;
            System.out.println("ok      " + name);
        } catch (Exception | AssertionError error) {
            failed++;
            System.out.println("FAILED  " + name + "\n        " + error);
        }
    }

    // ---- checks

    static void echoText() throws Exception {
        Session session = Session.open(client(null), "/echo");
        same(session.ask(TEXT), TEXT);
        for (int size : SIZES) {
            same(session.ask("x".repeat(size)), "x".repeat(size));
        }
        session.close(1000, "");
    }

    static void echoBinary() throws Exception {
        Session session = Session.open(client(null), "/echo");
        for (int size : SIZES) {
            byte[] bytes = new byte[size];
            for (int i = 0; i < size; i++) {
                bytes[i] = (byte) (i * 31 % 251);
            }
            wait(session.socket.sendBinary(ByteBuffer.wrap(bytes), true));
            if (!(session.next() instanceof byte[] got) || !Arrays.equals(got, bytes)) {
                throw new AssertionError(size + " bytes: the echo differs");
            }
        }
        session.close(1000, "");
    }

    static void fragments() throws Exception {
        Session session = Session.open(client(null), "/echo");
        wait(session.socket.sendText("frag", false));
        wait(session.socket.sendPing(ByteBuffer.wrap("between".getBytes())));
        wait(session.socket.sendText("mented", true));
        same(session.next(), "pong between");
        same(session.next(), "fragmented");
        session.close(1000, "");
    }

    static void close() throws Exception {
        Object[][] cases = {{1000, ""}, {3001, "done here"}, {4999, "\u00e9".repeat(61)}};
        for (Object[] each : cases) {
            Session session = Session.open(client(null), "/echo");
            same(session.close((int) each[0], (String) each[1]), each[0] + " " + each[1]);
        }
    }

    static void chat() throws Exception {
        Session ana = Session.open(client(null), "/chat?name=Ana");
        ana.until("Welcome, Ana!");
        Session ben = Session.open(client(null), "/chat-with-nyan?name=Ben");
        ben.until("Welcome, Ben!");
        same(ben.ask("hello"), "Ben: hello Nyan!");
        Session eve = Session.open(client(null), "/chat?name=Eve");
        ana.until("Eve joined.");
        wait(eve.socket.sendText(TEXT, true));
        ana.until("Eve: " + TEXT);
        eve.close(1000, "");
        ana.until("Eve left.");
        ana.close(1000, "");
        ben.close(1000, "");
    }

    static void laputa() throws Exception {
        Session session = Session.open(client(null), "/laputa");
        same(session.ask("BALUS"), "Are you kidding?");
        same(session.ask("hello"), "I'm not available now.");
        session.close(1000, "");
    }

    static void nowhere() throws Exception {
        try {
            Session.open(client(null), "/nowhere");
        } catch (WebSocketHandshakeException refused) {
            same(refused.getResponse().statusCode(), 404);
            return;
        }
        throw new AssertionError("the handshake was accepted");
    }

    static void version(String version) throws Exception {
        Session session = Session.open(client(version), "/echo");
        same(session.ask(version), version);
        session.close(1000, "");
    }

    static void untrusted() throws Exception {
        try {
            Session.open(HttpClient.newHttpClient(), "/echo");
        } catch (javax.net.ssl.SSLHandshakeException refused) {
            return;
        }
        throw new AssertionError("the handshake was accepted");
    }

    // ---- what they share

    /** A client that trusts the certificate, if there is one, and speaks this version of TLS, or any. */
    static HttpClient client(String version) throws Exception {
        HttpClient.Builder builder = HttpClient.newBuilder();
        String ca = System.getenv("WASKET_CA");
        if (ca != null) {
            KeyStore trusted = KeyStore.getInstance(KeyStore.getDefaultType());
            trusted.load(null);
            try (InputStream in = Files.newInputStream(Path.of(ca))) {
                trusted.setCertificateEntry("host", CertificateFactory.getInstance("X.509").generateCertificate(in));
            }
            TrustManagerFactory trust = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
            trust.init(trusted);
            SSLContext context = SSLContext.getInstance("TLS");
            context.init(null, trust.getTrustManagers(), null);
            builder.sslContext(context);
            if (version != null) {
                SSLParameters parameters = context.getDefaultSSLParameters();
                parameters.setProtocols(new String[] {version});
                builder.sslParameters(parameters);
            }
        }
        return builder.build();
    }

    static <T> T wait(CompletableFuture<T> future) throws Exception {
        try {
            return future.get(WAIT_S, TimeUnit.SECONDS);
        } catch (java.util.concurrent.ExecutionException failed) {
            throw failed.getCause() instanceof Exception cause ? cause : failed;
        }
    }

    static void same(Object got, Object wanted) {
        if (!wanted.equals(got)) {
            throw new AssertionError("got " + shown(got) + ", wanted " + shown(wanted));
        }
    }

    static String shown(Object value) {
        String text = String.valueOf(value);
        return text.length() <= 120 ? text : text.substring(0, 100) + "... (" + text.length() + " long)";
    }

    /** One session; what it hears is a String, a byte array, or "pong PAYLOAD". */
    static class Session implements WebSocket.Listener {
        final BlockingQueue<Object> heard = new LinkedBlockingQueue<>();
        final CompletableFuture<String> ended = new CompletableFuture<>();
        final StringBuilder text = new StringBuilder();
        final java.io.ByteArrayOutputStream bytes = new java.io.ByteArrayOutputStream();
        WebSocket socket;

        static Session open(HttpClient client, String path) throws Exception {
            Session session = new Session();
            session.socket = Client.wait(client.newWebSocketBuilder().buildAsync(URI.create(base + path), session));
            return session;
        }

        Object next() throws Exception {
            Object next = heard.poll(WAIT_S, TimeUnit.SECONDS);
            if (next == null) {
                throw new AssertionError("no message within " + WAIT_S + " s");
            }
            return next;
        }

        Object ask(String message) throws Exception {
            Client.wait(socket.sendText(message, true));
            return next();
        }

        /** Reads until this text comes: others come and go in a chat. */
        void until(String wanted) throws Exception {
            while (!wanted.equals(next())) {
            }
        }

        /** Closes, and returns what the peer's close frame said. */
        String close(int code, String reason) throws Exception {
            Client.wait(socket.sendClose(code, reason));
            return Client.wait(ended);
        }

        @Override
        public CompletionStage<?> onText(WebSocket socket, CharSequence part, boolean last) {
            text.append(part);
            if (last) {
                heard.add(text.toString());
                text.setLength(0);
            }
            socket.request(1);
            return null;
        }

        @Override
        public CompletionStage<?> onBinary(WebSocket socket, ByteBuffer part, boolean last) {
            byte[] copy = new byte[part.remaining()];
            part.get(copy);
            bytes.writeBytes(copy);
            if (last) {
                heard.add(bytes.toByteArray());
                bytes.reset();
            }
            socket.request(1);
            return null;
        }

        @Override
        public CompletionStage<?> onPong(WebSocket socket, ByteBuffer payload) {
            heard.add("pong " + java.nio.charset.StandardCharsets.UTF_8.decode(payload));
            socket.request(1);
            return null;
        }

        @Override
        public CompletionStage<?> onClose(WebSocket socket, int code, String reason) {
            ended.complete(code + " " + reason);
            return null;
        }

        @Override
        public void onError(WebSocket socket, Throwable error) {
            ended.completeExceptionally(error);
        }
    }
}
