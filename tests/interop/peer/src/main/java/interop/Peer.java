package interop;

import com.helger.base.debug.GlobalDebug;
import com.helger.json.IJsonObject;
import com.helger.json.JsonObject;
import com.helger.json.serialize.JsonReader;
import com.helger.phase4.CAS4Version;
import com.helger.phase4.incoming.AS4ServerInitializer;
import com.helger.phase4.incoming.mgr.AS4ProfileSelector;
import com.helger.phase4.profile.peppol.AS4PeppolProfileRegistarSPI;
import com.helger.security.certificate.TrustedCAChecker;
import com.helger.security.revocation.ERevocationCheckMode;
import com.helger.servlet.mock.MockServletContext;
import com.helger.web.scope.mgr.WebScopeManager;
import java.io.BufferedReader;
import java.io.FileInputStream;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.security.Provider;
import java.security.Security;
import java.security.cert.CertificateFactory;
import java.security.cert.X509Certificate;
import java.time.Duration;

/**
 * An access point on phase4: it receives at /as4 and sends when told so.
 *
 * <p>The one argument is a folder with ap.p12, trust.p12 (both with the password "peer") and ca.pem; what is
 * received is written to FOLDER/received. A command is one JSON object in a line of the standard input, its answer
 * one in a line of the standard output; the process ends with its input.
 */
public final class Peer {
  static final String PASSWORD = "peer";

  private Peer() {}

  public static void main(final String[] arguments) throws Exception {
    final Path folder = Path.of(arguments[0]);
    final PrintStream answers = System.out;
    // Libraries that print would spoil the answers.
    System.setOut(System.err);

    Security.insertProviderAt(new LargeAttachments(), 1);
    WebScopeManager.onGlobalBegin(MockServletContext.create());
    // Plain http on the loopback interface is for debugging only.
    GlobalDebug.setDebugModeDirect(true);
    AS4ProfileSelector.setCustomDefaultAS4ProfileID(AS4PeppolProfileRegistarSPI.AS4_PROFILE_ID);
    AS4ServerInitializer.initAS4Server();

    final TrustedCAChecker trust =
        new TrustedCAChecker(
            ERevocationCheckMode.CRL, Duration.ofMinutes(5), 100, certificate(folder.resolve("ca.pem")));
    final Receiving receiving = new Receiving(folder, trust);
    final Sending sending = new Sending(folder, trust);
    final int port = receiving.start();
    answers.println(new JsonObject().add("port", port).add("phase4", CAS4Version.BUILD_VERSION).getAsJsonString());

    try (BufferedReader commands =
        new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8))) {
      for (String line = commands.readLine(); line != null; line = commands.readLine()) {
        final IJsonObject command = JsonReader.builder().source(line).read().getAsObject();
        answers.println(sending.run(command).getAsJsonString());
        answers.flush();
      }
    }
    receiving.stop();
    System.exit(0);
  }

  static X509Certificate certificate(final Path file) throws Exception {
    try (InputStream content = new FileInputStream(file.toFile())) {
      return (X509Certificate) CertificateFactory.getInstance("X.509").generateCertificate(content);
    }
  }

  /**
   * AES-GCM of Bouncy Castle: read as a stream, as WSS4J does, that of the JDK allocates the whole length for every
   * piece, which takes minutes for 50 MB.
   */
  private static final class LargeAttachments extends Provider {
    private static final long serialVersionUID = 1L;

    LargeAttachments() {
      super("LargeAttachments", "1", "AES-GCM that decrypts piece by piece");
      put("Cipher.AES/GCM/NoPadding", "org.bouncycastle.jcajce.provider.symmetric.AES$GCM");
    }
  }
}
