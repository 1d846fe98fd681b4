package interop;

import com.helger.json.IJson;
import com.helger.json.IJsonObject;
import com.helger.json.JsonArray;
import com.helger.json.JsonObject;
import com.helger.peppol.sbdh.EPeppolMLSType;
import com.helger.peppolid.IParticipantIdentifier;
import com.helger.peppolid.factory.PeppolIdentifierFactory;
import com.helger.phase4.ebms3header.Ebms3Error;
import com.helger.phase4.ebms3header.Ebms3SignalMessage;
import com.helger.phase4.messaging.http.HttpRetrySettings;
import com.helger.phase4.peppol.Phase4PeppolSender;
import com.helger.phase4.peppol.Phase4PeppolSender.AbstractPeppolUserMessageBuilder;
import com.helger.phase4.peppol.Phase4PeppolSender.PeppolUserMessageBuilder;
import com.helger.phase4.sender.EAS4UserMessageSendResult;
import com.helger.phase4.util.Phase4Exception;
import com.helger.security.certificate.TrustedCAChecker;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.cert.X509Certificate;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicReference;

/** Sends one message, or many of the same kind, by phase4's own Peppol sender. */
final class Sending {
  private static final PeppolIdentifierFactory IDS = PeppolIdentifierFactory.INSTANCE;

  private final Path folder;
  private final TrustedCAChecker trust;

  Sending(final Path folder, final TrustedCAChecker trust) {
    this.folder = folder;
    this.trust = trust;
  }

  /**
   * The command: url, certificate (PEM file of the receiver), payload (XML file), keys (PKCS#12 file in the folder),
   * seat, sender, receiver, document_type, process, country; optional message_id, mls_to, mls_type, chunked, plain
   * (not packed), wrapped (the payload is in its envelope already), count and threads.
   */
  IJsonObject run(final IJsonObject command) {
    final long count = command.getAsLong("count", 1);
    final long threads = command.getAsLong("threads", 1);
    try {
      if (count == 1) {
        return send(command, Files.readAllBytes(Path.of(command.getAsString("payload"))));
      }
      return many(command, (int) count, (int) threads);
    } catch (final Exception problem) {
      return new JsonObject().add("result", "EXCEPTION").add("exception", problem.toString());
    }
  }

  private IJsonObject many(final IJsonObject command, final int count, final int threads) throws Exception {
    final byte[] payload = Files.readAllBytes(Path.of(command.getAsString("payload")));
    final ExecutorService pool = Executors.newFixedThreadPool(threads);
    final List<Callable<IJsonObject>> tasks = new ArrayList<>();
    for (int number = 0; number < count; number++) {
      tasks.add(() -> send(command, payload));
    }
    int delivered = 0;
    final long started = System.nanoTime();
    for (final Future<IJsonObject> done : pool.invokeAll(tasks)) {
      delivered += "SUCCESS".equals(done.get().getAsString("result")) ? 1 : 0;
    }
    final double seconds = (System.nanoTime() - started) / 1e9;
    pool.shutdown();
    return new JsonObject().add("delivered", delivered).add("seconds", seconds);
  }

  private IJsonObject send(final IJsonObject command, final byte[] payload) throws Exception {
    final AtomicReference<Ebms3SignalMessage> signal = new AtomicReference<>();
    final AtomicReference<Phase4Exception> problem = new AtomicReference<>();
    final X509Certificate receiver = Peer.certificate(Path.of(command.getAsString("certificate")));
    // Where phase4 may try again it needs a body that can be repeated, which has a length; else it sends chunks.
    final boolean chunked = command.getAsBoolean("chunked", false);
    final HttpRetrySettings retries =
        new HttpRetrySettings().setMaxRetries(chunked ? 0 : 1).setDurationBeforeRetry(Duration.ofMillis(10));
    final AbstractPeppolUserMessageBuilder<?> message =
        command.getAsBoolean("wrapped", false)
            ? Phase4PeppolSender.sbdhBuilder().payload(payload)
            : document(command, payload);
    message
        .cryptoFactory(Keys.of(folder, command.getAsString("keys")))
        .peppolAP_CAChecker(trust)
        .httpRetrySettings(retries)
        .documentTypeID(IDS.parseDocumentTypeIdentifier(command.getAsString("document_type")))
        .processID(IDS.parseProcessIdentifier(command.getAsString("process")))
        .senderParticipantID(participant(command.getAsString("sender")))
        .receiverParticipantID(participant(command.getAsString("receiver")))
        .senderPartyID(command.getAsString("seat"))
        .countryC1(command.getAsString("country"))
        .compressPayload(!command.getAsBoolean("plain", false))
        .receiverEndpointDetails(receiver, command.getAsString("url"))
        .signalMsgConsumer((received, metadata, state) -> signal.set(received));
    if (command.containsKey("message_id")) {
      message.messageID(command.getAsString("message_id"));
    }
    final EAS4UserMessageSendResult result = message.sendMessageAndCheckForReceipt(problem::set);
    final IJsonObject answer = new JsonObject().add("result", result.name()).add("errors", errors(signal.get()));
    if (problem.get() != null) {
      answer.add("exception", problem.get().toString());
    }
    return answer;
  }

  private static PeppolUserMessageBuilder document(final IJsonObject command, final byte[] payload) {
    final PeppolUserMessageBuilder message = Phase4PeppolSender.builder().payload(payload).disableValidation();
    if (command.containsKey("mls_to")) {
      message.mlsTo(participant(command.getAsString("mls_to")));
    }
    if (command.containsKey("mls_type")) {
      message.mlsType(EPeppolMLSType.getFromIDOrNull(command.getAsString("mls_type")));
    }
    return message;
  }

  private static IParticipantIdentifier participant(final String value) {
    return IDS.createParticipantIdentifierWithDefaultScheme(value);
  }

  private static IJson errors(final Ebms3SignalMessage signal) {
    final JsonArray errors = new JsonArray();
    if (signal != null) {
      for (final Ebms3Error error : signal.getError()) {
        errors.add(
            new JsonObject()
                .add("code", error.getErrorCode())
                .add("detail", error.getErrorDetail())
                .add("description", error.getDescriptionValue()));
      }
    }
    return errors;
  }
}
