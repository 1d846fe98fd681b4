package interop;

import com.helger.collection.commons.CommonsArrayList;
import com.helger.http.EHttpMethod;
import com.helger.phase4.crypto.IAS4CryptoFactory;
import com.helger.phase4.incoming.AS4RequestHandler;
import com.helger.phase4.servlet.AS4UnifiedResponse;
import com.helger.phase4.servlet.AS4XServletHandler;
import com.helger.phase4.servlet.IAS4ServletRequestHandlerCustomizer;
import com.helger.security.certificate.TrustedCAChecker;
import com.helger.web.scope.IRequestWebScopeWithoutResponse;
import com.helger.xservlet.AbstractXServlet;
import java.nio.file.Path;
import org.eclipse.jetty.ee10.servlet.ServletContextHandler;
import org.eclipse.jetty.ee10.servlet.ServletHolder;
import org.eclipse.jetty.server.Server;
import org.eclipse.jetty.server.ServerConnector;

/** The endpoint: phase4's own servlet handler, with our keys and our handling of what came. */
final class Receiving {
  private final Server server = new Server();

  Receiving(final Path folder, final TrustedCAChecker trust) throws Exception {
    final IAS4CryptoFactory keys = Keys.of(folder, "ap.p12");
    final Inbox inbox = new Inbox(folder.resolve("received"), trust);
    final ServerConnector connector = new ServerConnector(server);
    connector.setHost("127.0.0.1");
    server.addConnector(connector);
    final ServletContextHandler context = new ServletContextHandler("/");
    context.addServlet(new ServletHolder(new Endpoint(keys, inbox)), "/as4");
    server.setHandler(context);
  }

  int start() throws Exception {
    server.start();
    return ((ServerConnector) server.getConnectors()[0]).getLocalPort();
  }

  void stop() throws Exception {
    server.stop();
  }

  private static final class Endpoint extends AbstractXServlet {
    private static final long serialVersionUID = 1L;

    Endpoint(final IAS4CryptoFactory keys, final Inbox inbox) {
      settings().setMultipartEnabled(false);
      final AS4XServletHandler handler = new AS4XServletHandler();
      handler.setRequestHandlerCustomizer(
          new IAS4ServletRequestHandlerCustomizer() {
            @Override
            public void customizeBeforeHandling(
                final IRequestWebScopeWithoutResponse scope,
                final AS4UnifiedResponse response,
                final AS4RequestHandler request) {
              request.setCryptoFactory(keys);
              request.setProcessorSupplier(() -> new CommonsArrayList<>(inbox));
            }

            @Override
            public void customizeAfterHandling(
                final IRequestWebScopeWithoutResponse scope,
                final AS4UnifiedResponse response,
                final AS4RequestHandler request) {}
          });
      handlerRegistry().registerHandler(EHttpMethod.POST, handler);
    }
  }
}
