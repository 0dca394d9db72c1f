//! What to do if no conversation can begin: names, sockets, TLS.

use super::{Remedy, remedies};
use crate::model::Phase::{Auth, Connect, Greeting, Resolve, Tls, Token};

pub(super) const TABLE: &[Remedy] = remedies! {
    DnsNotFound; Says("https_proxy") => "\
The name in `HTTPS_PROXY` has no address. Correct it, or name `{peerhost}` in `NO_PROXY` where there is a way without the proxy.";
    DnsNotFound => "\
`{peerhost}` has no address. Compare it with the provider's documentation, letter by letter: `getent hosts {!peerhost}`.
A name of the house: does this machine ask the resolver that knows it? Is the name only IPv6 while `ip: 4` is set?";
    DnsFailure => "\
The resolver fails or cannot be reached; `{peerhost}` itself may be fine. `cat /etc/resolv.conf`, then `getent hosts {!peerhost}`.
Kubernetes: CoreDNS, and a network policy that forbids UDP and TCP 53 to it.";
    ConnectionRefused; Says("https_proxy") => "\
Nothing listens at the proxy that `HTTPS_PROXY` names. Correct it, or name `{peerhost}` in `NO_PROXY` where there is a way without the proxy.";
    ConnectionRefused => "\
Nothing listens at `{peer}`, or a firewall answers for it. Compare host and port (IMAP 993 or 143, SMTP 587 or 465); an own server: does it run, and listen on this address?";
    Timeout; In(Token) => "\
The identity provider did not answer. Is the way to `{peer}` open from this machine, by `HTTPS_PROXY` where there is one? `curl -v {!idp}`";
    Timeout; In(Resolve) => "No resolver answered for `{peerhost}`. `cat /etc/resolv.conf`, then `getent hosts {!peerhost}`; Kubernetes: CoreDNS and network policies.";
    Timeout; In(Connect) => "\
No answer from `{peer}` at all: mostly a firewall, security group or network policy that drops the packets, or a provider that blocks the port. `nc -vz {!peerhost} {!peerport}` from this machine.";
    Timeout; In(Tls) => "\
`{peer}` took the connection and stayed silent. Mostly the kind of TLS is wrong (`tls: implicit` on a STARTTLS port, or the reverse), or something in between looks into it. `openssl s_client -connect {!peer}{starttls}`";
    Timeout; In(Greeting) => "\
`{peer}` took the connection and said nothing. Mostly it is a TLS port (993, 465) that is spoken to in clear: `tls: implicit`; or the server is overloaded, or looks our address up first.";
    Timeout; In(Auth) => "\
The server did not answer the login. It may hold a refusal back, or wait for its own back end (directory, issuer of the token). Its load and its log tell; raise `timeout` only if it answers late.";
    Timeout => "\
No answer in time. The phase tells whose silence: token, the identity provider; connect, a firewall or network policy; later ones, the server at `{peer}` or its back end. From this machine: `openssl s_client -connect {!peer}{starttls}`.";
    NetworkUnreachable; Says("https_proxy") => "\
The proxy that `HTTPS_PROXY` names must let `{peer}` through; the identity provider itself has not been reached. To see: `curl -v {!idp}`
407: it wants a login, written into `HTTPS_PROXY` as `http://USER:PASSWORD@HOST:PORT`. If the host can be reached without the proxy, name it in `NO_PROXY`.";
    NetworkUnreachable => "\
There is no way from this machine to `{peer}`: a route, a firewall or security module of this machine, or IPv6 without connectivity (then `ip: 4`). `ip route get ADDRESS` with the address from the sentence.
Kubernetes: network policies; for the token also `HTTPS_PROXY`.";
    TlsCertificateExpired => "\
The server renews its certificate and reloads; renewed but not reloaded is the usual case. `openssl s_client -connect {!peer}{starttls} -servername {!peerhost} </dev/null | openssl x509 -noout -dates`
If it is a public provider's, compare this machine's clock, and whether something in between intercepts.";
    TlsCertificateUntrusted; In(Token) => "\
Nothing was sent: neither secret nor token request. Mostly a proxy of the house opens HTTPS on its way out: its authority goes into `ca_file` of the provider, or, better, `{peerhost}` is let through unopened.
Who issued it: `openssl s_client -connect {!peer} -servername {!peerhost} -showcerts </dev/null`. Identity provider of the house: the server may send an incomplete chain.";
    TlsCertificateUntrusted => "\
One of these: the server sends an incomplete chain; its authority is the house's own (then `ca_file` of the provider); something in between intercepts TLS (a public provider's issuer must be a public one).
Who issued it: `openssl s_client -connect {!peer}{starttls} -servername {!peerhost} -showcerts </dev/null`. No credential was sent.";
    TlsNameMismatch => "\
`{peerhost}` is not among the names in the server's certificate. Use one that is, never an IP address: `openssl s_client -connect {!peer}{starttls} -servername {!peerhost} </dev/null | openssl x509 -noout -ext subjectAltName`.";
    TlsProtocol => "\
Port and kind of TLS must fit: `tls: implicit` with 993 or 465, `tls: starttls` with 143 or 587. If they do, the server at `{peer}` offers no STARTTLS there, or only TLS older than 1.2.
To see: `openssl s_client -connect {!peer}{starttls} -tls1_2`.";
};
