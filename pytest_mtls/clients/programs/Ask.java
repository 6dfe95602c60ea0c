// Asks once with Java's HttpClient: Ask URL LOWEST HIGHEST FOLDER SECONDS. Says what it saw as one JSON object.

import java.io.InputStream;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyStore;
import java.security.cert.Certificate;
import java.security.cert.CertificateFactory;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLParameters;
import javax.net.ssl.TrustManagerFactory;

public class Ask {
    public static void main(String[] arguments) {
        Path folder = Path.of(arguments[3]);
        SSLContext context;
        try {
            context = context(folder);
        } catch (Exception error) {
            say(failure(error, true));
            return;
        }
        try {
            say(ask(context, arguments));
        } catch (Exception error) {
            say(failure(error, false));
        }
    }

    private static SSLContext context(Path folder) throws Exception {
        KeyStore trusted = KeyStore.getInstance("PKCS12");
        trusted.load(null, null);
        try (InputStream pem = Files.newInputStream(folder.resolve("trust.pem"))) {
            int number = 0;
            for (Certificate each : CertificateFactory.getInstance("X.509").generateCertificates(pem)) {
                trusted.setCertificateEntry("ca" + number++, each);
            }
        }
        TrustManagerFactory trust = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
        trust.init(trusted);
        KeyManagerFactory keys = null;
        if (Files.exists(folder.resolve("chain.pem"))) {
            char[] passphrase = Files.readString(folder.resolve("passphrase")).trim().toCharArray();
            KeyStore own = KeyStore.getInstance("PKCS12");
            try (InputStream pkcs12 = Files.newInputStream(folder.resolve("client.p12"))) {
                own.load(pkcs12, passphrase);
            }
            keys = KeyManagerFactory.getInstance(KeyManagerFactory.getDefaultAlgorithm());
            keys.init(own, passphrase);
        }
        SSLContext context = SSLContext.getInstance("TLS");
        context.init(keys == null ? null : keys.getKeyManagers(), trust.getTrustManagers(), null);
        return context;
    }

    private static String ask(SSLContext context, String[] arguments) throws Exception {
        SSLParameters parameters = context.getDefaultSSLParameters();
        String lowest = "TLSv" + arguments[1], highest = "TLSv" + arguments[2];
        parameters.setProtocols(lowest.equals(highest) ? new String[] {lowest} : new String[] {highest, lowest});
        HttpClient client = HttpClient.newBuilder().sslContext(context).sslParameters(parameters).build();
        Duration patience = Duration.ofMillis((long) (Double.parseDouble(arguments[4]) * 1000));
        HttpRequest request = HttpRequest.newBuilder(URI.create(arguments[0])).timeout(patience).build();
        HttpResponse<byte[]> response = client.send(request, HttpResponse.BodyHandlers.ofByteArray());
        List<String> headers = new ArrayList<>();
        response.headers().map().forEach((name, values) ->
            values.forEach(value -> headers.add("[" + quoted(name) + ", " + quoted(value) + "]")));
        String body = Base64.getEncoder().encodeToString(response.body());
        return "{\"status\": " + response.statusCode() + ", \"headers\": [" + String.join(", ", headers)
            + "], \"body\": \"" + body + "\"}";
    }

    private static String failure(Throwable error, boolean unloadable) {
        List<String> names = new ArrayList<>();
        for (Throwable each = error; each != null; each = each.getCause()) {
            names.add(quoted(each.getClass().getSimpleName()));
        }
        String text = error.getMessage() == null ? "" : error.getMessage();
        return "{\"errors\": [" + String.join(", ", names) + "], \"text\": " + quoted(text)
            + ", \"unloadable\": " + unloadable + "}";
    }

    private static String quoted(String text) {
        StringBuilder json = new StringBuilder("\"");
        for (char each : text.toCharArray()) {
            json.append(each < ' ' || each == '"' || each == '\\' ? String.format("\\u%04x", (int) each) : "" + each);
        }
        return json.append('"').toString();
    }

    private static void say(String what) {
        System.out.println(what);
        System.out.flush();
        System.exit(0);
    }
}
