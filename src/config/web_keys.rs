//! The keys and words of the web configuration; as `keys` are those of the main file.

use super::keys::{Keys, instead, later, section, works};

/// The web configuration file.
pub(super) static TOP: Keys = section(
    "a web configuration",
    &[
        works("tls_server_config"),
        works("http_server_config"),
        works("basic_auth_users"),
        later("rate_limit"),
        instead("cert_file", "write tls_server_config: {cert_file: PATH}"),
        instead("key_file", "write tls_server_config: {key_file: PATH}"),
        instead("headers", "write http_server_config: {headers: …}"),
    ],
);

pub(super) static TLS: Keys = section(
    "tls_server_config",
    &[
        works("cert_file"),
        works("key_file"),
        works("client_auth_type"),
        works("client_ca_file"),
        works("client_allowed_sans"),
        works("min_version"),
        works("max_version"),
        works("cipher_suites"),
        works("prefer_server_cipher_suites"),
        works("curve_preferences"),
        instead("cert", "a certificate is a place here: write cert_file: PATH"),
        instead("key", "a private key is a place, never a value: write key_file: PATH"),
        instead("client_ca", "an authority is a place here: write client_ca_file: PATH"),
    ],
);

pub(super) static HTTP: Keys = section("http_server_config", &[works("http2"), works("headers")]);

/// The headers that may be set; the format knows no others.
pub(super) static HEADERS: Keys = section(
    "headers",
    &[
        works("Content-Security-Policy"),
        works("X-Frame-Options"),
        works("X-Content-Type-Options"),
        works("X-XSS-Protection"),
        works("Strict-Transport-Security"),
    ],
);

/// Of those, the ones that take certain values only.
pub(super) const HEADER_VALUES: &[(&str, &[&str])] =
    &[("X-Frame-Options", &["deny", "sameorigin"]), ("X-Content-Type-Options", &["nosniff"])];

/// Go's policies for client certificates.
pub(super) static CLIENT_AUTH: Keys = section(
    "client_auth_type",
    &[
        works("NoClientCert"),
        works("RequestClientCert"),
        works("RequireAnyClientCert"),
        works("RequireClientCert"),
        works("VerifyClientCertIfGiven"),
        works("RequireAndVerifyClientCert"),
    ],
);

const TOO_OLD: &str = "this version of TLS is broken and is not spoken here: write TLS12 or TLS13";

pub(super) static TLS_VERSIONS: Keys = section(
    "a TLS version",
    &[works("TLS12"), works("TLS13"), instead("TLS10", TOO_OLD), instead("TLS11", TOO_OLD)],
);

const NOT_SPOKEN: &str =
    "this cipher suite is not spoken here: of TLS 1.2 only ECDHE with AES-GCM or CHACHA20-POLY1305 is";

pub(super) static CIPHER_SUITES: Keys = section(
    "cipher_suites",
    &[
        works("TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384"),
        works("TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256"),
        works("TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256"),
        works("TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384"),
        works("TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"),
        works("TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256"),
        works("TLS_AES_256_GCM_SHA384"),
        works("TLS_AES_128_GCM_SHA256"),
        works("TLS_CHACHA20_POLY1305_SHA256"),
        // Go's others, so that a file that worked elsewhere is told why it does not here.
        instead("TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA", NOT_SPOKEN),
        instead("TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA", NOT_SPOKEN),
        instead("TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA", NOT_SPOKEN),
        instead("TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA", NOT_SPOKEN),
        instead("TLS_RSA_WITH_AES_128_CBC_SHA", NOT_SPOKEN),
        instead("TLS_RSA_WITH_AES_256_CBC_SHA", NOT_SPOKEN),
        instead("TLS_RSA_WITH_AES_128_GCM_SHA256", NOT_SPOKEN),
        instead("TLS_RSA_WITH_AES_256_GCM_SHA384", NOT_SPOKEN),
    ],
);

pub(super) static CURVES: Keys = section(
    "curve_preferences",
    &[
        works("CurveP256"),
        works("CurveP384"),
        works("X25519"),
        works("X25519MLKEM768"),
        instead("CurveP521", "this curve is not spoken here: write CurveP384, CurveP256 or X25519"),
    ],
);
