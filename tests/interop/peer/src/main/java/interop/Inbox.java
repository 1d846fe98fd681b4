package interop;

import com.helger.collection.commons.ICommonsList;
import com.helger.http.header.HttpHeaderMap;
import com.helger.json.IJsonObject;
import com.helger.json.JsonObject;
import com.helger.peppol.sbdh.PeppolSBDHData;
import com.helger.peppol.sbdh.PeppolSBDHDataReadException;
import com.helger.peppol.sbdh.PeppolSBDHDataReader;
import com.helger.peppolid.factory.PeppolIdentifierFactory;
import com.helger.phase4.attachment.WSS4JAttachment;
import com.helger.phase4.ebms3header.Ebms3SignalMessage;
import com.helger.phase4.ebms3header.Ebms3UserMessage;
import com.helger.phase4.error.AS4ErrorList;
import com.helger.phase4.incoming.IAS4IncomingMessageMetadata;
import com.helger.phase4.incoming.IAS4IncomingMessageState;
import com.helger.phase4.incoming.spi.AS4MessageProcessorResult;
import com.helger.phase4.incoming.spi.AS4SignalMessageProcessorResult;
import com.helger.phase4.incoming.spi.IAS4IncomingMessageProcessorSPI;
import com.helger.phase4.model.error.EEbmsError;
import com.helger.phase4.model.pmode.IPMode;
import com.helger.security.certificate.ECertificateCheckResult;
import com.helger.security.certificate.TrustedCAChecker;
import java.io.ByteArrayInputStream;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.OffsetDateTime;
import org.w3c.dom.Node;

/**
 * Looks into what phase4 has opened and verified, in the way of a Peppol receiver, and writes the envelope to a file
 * named by the message id.
 */
final class Inbox implements IAS4IncomingMessageProcessorSPI {
  private final Path folder;
  private final TrustedCAChecker trust;

  Inbox(final Path folder, final TrustedCAChecker trust) throws Exception {
    this.folder = Files.createDirectories(folder);
    this.trust = trust;
  }

  @Override
  public AS4MessageProcessorResult processAS4UserMessage(
      final IAS4IncomingMessageMetadata metadata,
      final HttpHeaderMap headers,
      final Ebms3UserMessage message,
      final IPMode mode,
      final Node body,
      final ICommonsList<WSS4JAttachment> attachments,
      final IAS4IncomingMessageState state,
      final AS4ErrorList errors) {
    if (!state.isSoapDecrypted()) {
      return refuse(EEbmsError.EBMS_FAILED_DECRYPTION, "the message is not encrypted", state, errors);
    }
    if (!state.isSoapSignatureChecked()) {
      return refuse(EEbmsError.EBMS_FAILED_AUTHENTICATION, "the message is not signed", state, errors);
    }
    final ECertificateCheckResult found = trust.checkCertificate(state.getSigningCertificate(), OffsetDateTime.now());
    if (found.isInvalid()) {
      return refuse(EEbmsError.EBMS_FAILED_AUTHENTICATION, found.getReason(), state, errors);
    }
    if (attachments == null || attachments.size() != 1) {
      return refuse(EEbmsError.EBMS_OTHER, "exactly one attachment is expected", state, errors);
    }
    final byte[] envelope;
    try (InputStream content = attachments.getFirstOrNull().getSourceStream()) {
      envelope = content.readAllBytes();
    } catch (final Exception problem) {
      return refuse(EEbmsError.EBMS_DECOMPRESSION_FAILURE, problem.toString(), state, errors);
    }
    final PeppolSBDHData read;
    try {
      read = new PeppolSBDHDataReader(PeppolIdentifierFactory.INSTANCE).extractData(new ByteArrayInputStream(envelope));
    } catch (final PeppolSBDHDataReadException problem) {
      return refuse(EEbmsError.EBMS_OTHER, problem.getErrorCode().toString(), state, errors);
    }
    try {
      Files.write(folder.resolve(state.getMessageID() + ".xml"), envelope);
      Files.writeString(folder.resolve(state.getMessageID() + ".json"), described(read).getAsJsonString());
    } catch (final Exception problem) {
      return refuse(EEbmsError.EBMS_DELIVERY_FAILURE, problem.toString(), state, errors);
    }
    return AS4MessageProcessorResult.createSuccess();
  }

  @Override
  public AS4SignalMessageProcessorResult processAS4SignalMessage(
      final IAS4IncomingMessageMetadata metadata,
      final HttpHeaderMap headers,
      final Ebms3SignalMessage message,
      final IPMode mode,
      final IAS4IncomingMessageState state,
      final AS4ErrorList errors) {
    return AS4SignalMessageProcessorResult.createSuccess();
  }

  @Override
  public void processAS4ResponseMessage(
      final IAS4IncomingMessageMetadata metadata,
      final IAS4IncomingMessageState state,
      final String messageId,
      final byte[] response,
      final boolean available,
      final AS4ErrorList errors) {
    // What was answered is the business of the other side.
  }

  private static IJsonObject described(final PeppolSBDHData read) {
    return new JsonObject()
        .add("sender", read.getSenderValue())
        .add("receiver", read.getReceiverValue())
        .add("document_type", read.getDocumentTypeValue())
        .add("process", read.getProcessValue())
        .add("instance_id", read.getInstanceIdentifier())
        .add("country", read.getCountryC1())
        .add("mls_to", read.getMLSToValue())
        .add("mls_type", read.hasMLSType() ? read.getMLSType().getID() : null);
  }

  private static AS4MessageProcessorResult refuse(
      final EEbmsError error, final String detail, final IAS4IncomingMessageState state, final AS4ErrorList errors) {
    errors.add(
        error.errorBuilder(state.getLocale()).refToMessageInError(state.getMessageID()).errorDetail(detail).build());
    return AS4MessageProcessorResult.createFailure();
  }
}
