package interop;

import com.helger.phase4.crypto.AS4CryptoFactoryInMemoryKeyStore;
import com.helger.phase4.crypto.IAS4CryptoFactory;
import java.io.FileInputStream;
import java.io.InputStream;
import java.nio.file.Path;
import java.security.KeyStore;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/** A key and whom it trusts, from PKCS#12 files, each read once. */
final class Keys {
  private static final Map<Path, IAS4CryptoFactory> READ = new ConcurrentHashMap<>();

  private Keys() {}

  static IAS4CryptoFactory of(final Path folder, final String keyStore) throws Exception {
    final Path file = folder.resolve(keyStore);
    IAS4CryptoFactory found = READ.get(file);
    if (found == null) {
      found = read(folder, keyStore);
      READ.put(file, found);
    }
    return found;
  }

  private static IAS4CryptoFactory read(final Path folder, final String keyStore) throws Exception {
    return new AS4CryptoFactoryInMemoryKeyStore(
        load(folder.resolve(keyStore)), "ap", Peer.PASSWORD.toCharArray(), load(folder.resolve("trust.p12")));
  }

  private static KeyStore load(final Path file) throws Exception {
    final KeyStore store = KeyStore.getInstance("PKCS12");
    try (InputStream content = new FileInputStream(file.toFile())) {
      store.load(content, Peer.PASSWORD.toCharArray());
    }
    return store;
  }
}
