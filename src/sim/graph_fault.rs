//! The faults of Microsoft Graph, by name: one row each.
//!
//! Does not serve requests: `graph.rs` reads the rows. Faults of the token have a table of their own, `token_fault.rs`.

use crate::sim::graph_fault::Act::{
    Body, Bytes, Challenge, Close, Cut, EchoInChunks, Flood, Page, Redirect, Refuse, Silence, Stall, Throttle,
};
use crate::sim::script::HttpFlood;

/// What is answered in place of a folder.
#[derive(Debug, Clone, Copy)]
pub(super) enum Act {
    /// Graph's error: status, code, sentence. Placeholders: `{token}`, `{user}`.
    Refuse(u16, &'static str, &'static str),
    /// The same with `Retry-After`.
    Throttle(u16, &'static str, &'static str),
    /// A body that is no error of Graph: status, content type, text.
    Body(u16, &'static str, &'static str),
    /// 401 with this challenge and no body.
    Challenge(&'static str),
    Redirect(&'static str),
    /// Bytes that are no HTTP, then the end.
    Bytes(&'static [u8]),
    Silence,
    Close,
    /// 429 with `Retry-After`, and a body that never comes.
    Stall,
    /// A body shorter than announced.
    Cut,
    /// 401 with Graph's error, which repeats the token, in chunks of this many bytes.
    EchoInChunks(usize),
    /// 200 with a page whose end never comes.
    Page,
    Flood(HttpFlood),
}

macro_rules! graph_faults {
    ($( $variant:ident => $label:literal, $about:literal, $act:expr; )+) => {
        /// What is wrong with a mailbox at Microsoft Graph.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum GraphFault {
            $( #[doc = $about] $variant, )+
        }

        impl GraphFault {
            /// Every fault, the healthy mailbox first.
            pub const ALL: &'static [Self] = &[ $( Self::$variant, )+ ];

            /// Its name, for tests and the demo.
            pub const fn label(self) -> &'static str {
                match self { $( Self::$variant => $label, )+ }
            }

            /// One sentence for people.
            pub const fn about(self) -> &'static str {
                match self { $( Self::$variant => $about, )+ }
            }

            /// What is done; `None` is the honest answer.
            pub(super) const fn act(self) -> Option<Act> {
                match self { $( Self::$variant => $act, )+ }
            }
        }
    };
}

/// What a network shows that wants people to sign in first.
pub(super) const LOGIN_PAGE: &str = "<!DOCTYPE html><html><head><title>Sign in to the guest network</title></head><body><h1>Welcome</h1></body></html>";

graph_faults! {
    None => "none", "Nothing is wrong.", None;
    TokenRefused => "token_refused", "Graph does not accept the token.",
        Some(Refuse(401, "InvalidAuthenticationToken", "Access token validation failure. Invalid audience."));
    TokenExpired => "token_expired", "Graph says that the token has expired.",
        Some(Refuse(401, "InvalidAuthenticationToken", "Lifetime validation failed, the token is expired."));
    AppNotKnown => "app_not_known", "The tenant has no service principal for the app.",
        Some(Refuse(401, "Authorization_IdentityNotFound", "The identity of the calling application could not be established."));
    LocationRefused => "location_refused", "A policy ends the token because of the address it comes from.",
        Some(Refuse(401, "InvalidAuthenticationToken", "Continuous access evaluation resulted in challenge with result: InteractionRequired and code: LocationConditionEvaluationSatisfied"));
    BareChallenge => "bare_challenge", "401 without a body; a header says what is wrong with the token.",
        Some(Challenge("Bearer realm=\"\", error=\"invalid_token\", error_description=\"The signature is invalid\""));
    PolicyBlocks => "policy_blocks", "Conditional Access blocks the app.",
        Some(Refuse(403, "AccessDenied", "Access has been blocked by Conditional Access policies."));
    SessionRevoked => "session_revoked", "Tokens that were issued before a revocation are refused.",
        Some(Refuse(401, "InvalidAuthenticationToken", "Continuous access evaluation resulted in challenge with result: InteractionRequired and code: TokenIssuedBeforeRevocationTimestamp"));
    PolicyRefuses => "policy_refuses", "An application access policy limits the app to other mailboxes.",
        Some(Refuse(403, "ErrorAccessDenied", "Access to OData is disabled: [RAOP] : Blocked by tenant configured AppOnly AccessPolicy settings."));
    NullMessage => "null_message", "A refusal whose sentence is null.",
        Some(Body(403, "application/json", "{\"error\":{\"code\":\"ErrorAccessDenied\",\"message\":null}}"));
    PrivilegesMissing => "privileges_missing", "The app lacks a permission.",
        Some(Refuse(403, "Authorization_RequestDenied", "Insufficient privileges to complete the operation."));
    UserInvalid => "user_invalid", "The tenant knows no such user.",
        Some(Refuse(404, "ErrorInvalidUser", "The requested user '{user}' is invalid."));
    UserMissing => "user_missing", "The directory knows no such user.",
        Some(Refuse(404, "Request_ResourceNotFound", "Resource '{user}' does not exist or one of its queried reference-property objects are not present."));
    NoMailbox => "no_mailbox", "The mailbox has no licence, is deleted, or is on an own server.",
        Some(Refuse(404, "MailboxNotEnabledForRESTAPI", "The mailbox is either inactive, soft-deleted, or is hosted on-premise."));
    MailboxGone => "mailbox_gone", "There is no mailbox of that address.",
        Some(Refuse(404, "ErrorNonExistentMailbox", "The SMTP address has no mailbox associated with it."));
    FolderMissing => "folder_missing", "The folder does not exist.",
        Some(Refuse(404, "ErrorItemNotFound", "The specified object was not found in the store., The process failed to get the correct properties."));
    FolderMalformed => "folder_malformed", "The folder's id is none.",
        Some(Refuse(400, "ErrorInvalidIdMalformed", "Id is malformed."));
    Throttled => "throttled", "Graph limits the app, and says for how long.",
        Some(Throttle(429, "ApplicationThrottled", "Application is over its MailboxConcurrency limit."));
    Overloaded => "overloaded", "Graph is overloaded, and says for how long.",
        Some(Throttle(503, "ServiceUnavailable", "The service is temporarily overloaded."));
    Unavailable => "unavailable", "Graph has a fault for the moment.",
        Some(Refuse(503, "ErrorMailboxStoreUnavailable", "The mailbox database is temporarily unavailable."));
    InternalError => "internal_error", "Graph has a fault that it does not name.",
        Some(Refuse(500, "UnknownError", ""));
    BadGateway => "bad_gateway", "Something in front of Graph has a fault.",
        Some(Body(502, "text/html", "<html><head><title>502 Bad Gateway</title></head></html>"));
    GatewayTimeout => "gateway_timeout", "Something in front of Graph got no answer.", Some(Body(504, "text/plain", ""));
    BareLimit => "bare_limit", "429 without a word of Graph.", Some(Body(429, "text/plain", "Too Many Requests"));
    StalledLimit => "stalled_limit", "429 with its header; the body never comes.", Some(Stall);
    LoginPage => "login_page", "200, and the page of a captive portal.", Some(Body(200, "text/html; charset=utf-8", LOGIN_PAGE));
    ProxyPage => "proxy_page", "403, and the page of a proxy.", Some(Body(403, "text/html", LOGIN_PAGE));
    OtherJson => "other_json", "200, and JSON of something else.", Some(Body(200, "application/json", "{\"status\":\"ok\"}"));
    Redirected => "redirected", "A redirect to a login page.", Some(Redirect("https://portal.contoso.example/login"));
    UnknownCode => "unknown_code", "A refusal that nobody has described.",
        Some(Refuse(400, "ErrorSomethingNew", "A sentence that is in no table."));
    EchoedToken => "echoed_token", "The refusal repeats the token it was sent.",
        Some(Refuse(401, "InvalidAuthenticationToken", "The token {token} cannot be read."));
    NotHttp => "not_http", "A mail server answers.", Some(Bytes(b"* OK [CAPABILITY IMAP4rev1] ready\r\n"));
    Silent => "silent", "The request is never answered.", Some(Silence);
    Closed => "closed", "The connection ends without an answer.", Some(Close);
    CutBody => "cut_body", "The connection ends within the answer.", Some(Cut);
    OpenPage => "open_page", "200, and the page of a captive portal, whose end never comes.", Some(Page);
    ChunkedEcho => "chunked_echo", "The refusal repeats the token in chunks of seven bytes.", Some(EchoInChunks(7));
    TinyEcho => "tiny_echo", "The refusal repeats the token in chunks of one byte.", Some(EchoInChunks(1));
    EndlessBody => "endless_body", "The body has no end.", Some(Flood(HttpFlood::Body));
    EndlessHeader => "endless_header", "A header has no end.", Some(Flood(HttpFlood::Header));
    EndlessHeaders => "endless_headers", "The headers have no end.", Some(Flood(HttpFlood::Headers));
    EndlessInterim => "endless_interim", "Interim answers have no end.", Some(Flood(HttpFlood::Interim));
    EndlessChunkSize => "endless_chunk_size", "The size of a chunk has no end.", Some(Flood(HttpFlood::ChunkSize));
    EndlessBlanks => "endless_blanks", "The blanks behind the size of a chunk have no end.", Some(Flood(HttpFlood::ChunkBlanks));
    EndlessExtension => "endless_extension", "The extension of a chunk has no end.", Some(Flood(HttpFlood::ChunkExtension));
    EndlessTrailers => "endless_trailers", "The trailers have no end.", Some(Flood(HttpFlood::Trailers));
}
