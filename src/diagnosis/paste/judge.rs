//! The judgement: which piece of evidence decides.
//!
//! A final answer outweighs the lines after it, the first cause in a dialogue wins, an answer outweighs
//! the words around it, and a success has no fault. Not here: the meaning of a single piece, which the
//! tables and `statements` hold.

mod offers;

use super::evidence::{Evidence, Kind, Piece};
use super::{Paste, Reading, Source, guess, names, progress, statements};
use crate::diagnosis::text::{fold, unescape};
use crate::diagnosis::wording::Voice;
use crate::diagnosis::{Answer, TokenAnswer, Verdict, graph, interpret, oauth, smtp, token};
use crate::model::{Family, Mechanism, Phase, Protocol, Reason};

/// How many answers are judged at most: a log may hold thousands of unknown ones.
const MOST: usize = 128;

/// What a text means.
pub(super) fn judge(paste: &Paste<'_>, text: &str) -> Reading {
    let evidence = Evidence::of(text);
    let family = paste.family.or_else(|| guess::family(text)).unwrap_or(Family::Generic);
    Case { paste, text, family, evidence }.decide()
}

struct Case<'a> {
    paste: &'a Paste<'a>,
    text: &'a str,
    family: Family,
    evidence: Evidence,
}

impl Case<'_> {
    fn decide(&self) -> Reading {
        if let Some(reading) = self.graph() {
            return reading;
        }
        let refusal = self.refusal();
        let provider = self.provider();
        let (first, second) = match (&refusal, &provider) {
            (Some((mail, _)), Some((token, _))) if mail >= token => (provider, refusal),
            (None, _) => (provider, refusal),
            _ => (refusal, provider),
        };
        let reading = first.or(second).map(|(_, reading)| reading);
        reading
            .or_else(|| self.bare_answer())
            .or_else(|| self.missing_login().filter(|_| self.lists_logins_beside_token()))
            .or_else(|| self.statements())
            .or_else(|| self.missing_login())
            .or_else(|| self.evidence.broke_at_tls().then(|| self.of_network(Reason::TlsProtocol)))
            .or_else(|| self.of_local_proxy())
            .or_else(|| self.farewell())
            .or_else(|| self.evidence.broke_off().then(|| self.of_network(Reason::ConnectionClosed)))
            .or_else(|| self.success())
            .or_else(|| self.status())
            .unwrap_or_else(|| self.unknown())
    }

    /// The words of Microsoft Graph, whose errors look like those of an identity provider.
    fn graph(&self) -> Option<Reading> {
        let folded = fold(&unescape(self.text));
        let given = self.given() == Some(Protocol::Graph);
        if self.paste.source.is_none() && !graph::speaks(&folded) && !graph::is_folder(&folded) {
            return None;
        }
        if !given && self.paste.source.is_some() {
            return None;
        }
        if graph::is_folder(&folded) && !graph::speaks(&folded) {
            return Some(self.by(Some(Source::Mail(Protocol::Graph)), self.paste.phase, None));
        }
        let phase = self.paste.phase.or(Some(Phase::Open));
        self.answer(self.text, Protocol::Graph, phase, self.mechanism(None), Voice::Server).found()
    }

    /// The protocol that was given as an option.
    fn given(&self) -> Option<Protocol> {
        match self.paste.source {
            Some(Source::Mail(protocol)) => Some(protocol),
            _ => None,
        }
    }

    fn mechanism(&self, piece: Option<&Piece>) -> Option<Mechanism> {
        let seen = piece.map_or(self.evidence.asked.mechanism, |piece| piece.mechanism);
        self.paste.mechanism.or(seen).or(self.evidence.mechanism)
    }

    /// The first refusal that means something, with its line.
    fn refusal(&self) -> Option<(usize, Reading)> {
        let pieces = &self.evidence.pieces;
        let refuses = |piece: &&Piece| piece.kind != Kind::Success && !is_of_local_proxy(piece);
        let standing = pieces
            .iter()
            .enumerate()
            .filter(|(_, piece)| refuses(piece))
            .filter(|(at, _)| !self.evidence.is_overcome(*at));
        let mut standing: Vec<_> = standing.take(MOST).map(|(_, piece)| piece).collect();
        standing.sort_by_key(|piece| {
            (piece.optional, matches!(piece.kind, Kind::Wrapped | Kind::Untagged | Kind::Foreign))
        });
        standing.into_iter().find_map(|piece| {
            let reading = self.read(piece).found()?;
            // A goodbye is a consequence. `farewell` reads it if no cause is found.
            let goodbye = piece.kind == Kind::Farewell && reading.reason() == Some(Reason::ConnectionClosed);
            let asked_for = piece.kind == Kind::Farewell && piece.ended;
            (!goodbye && !asked_for).then_some((piece.line, reading))
        })
    }

    fn read(&self, piece: &Piece) -> Reading {
        if piece.kind == Kind::Foreign {
            return self.of_network(Reason::ProtocolError);
        }
        let is_sentence = match piece.kind {
            Kind::Wrapped => true,
            // Jakarta Mail writes its own failures as a goodbye: `* BYE JavaMail Exception: java.net.…`.
            Kind::Farewell => piece.text.contains("Mail Exception: "),
            Kind::Untagged => self.given().is_none() || piece.text == piece.text.to_uppercase(),
            _ => false,
        };
        if is_sentence && let Some(reading) = self.of_client(&piece.text) {
            return reading;
        }
        let folded = || fold(&piece.text);
        let protocol = self.given().or(piece.protocol).or_else(|| self.guessed(&folded()));
        let told = self.paste.phase.or(piece.phase).map(|phase| match phase {
            // The log does not show the login command.
            phase if self.paste.phase.is_none() && phase < Phase::Auth && smtp::is_of_login(&piece.text) => {
                Phase::Auth
            }
            phase => phase,
        });
        // Most exceptions without a code are about the login; SMTP's bear a code that tells the step.
        let of_login = piece.kind == Kind::Wrapped && piece.protocol != Some(Protocol::Smtp);
        let told = told.or(of_login.then_some(Phase::Auth));
        self.answer(
            &piece.text,
            protocol.unwrap_or(Protocol::Imap),
            told,
            self.mechanism(Some(piece)),
            Voice::Server,
        )
    }

    fn guessed(&self, folded: &str) -> Option<Protocol> {
        let all = || guess::source(&fold(&unescape(self.text)));
        match guess::source(folded).or_else(all) {
            Some(Source::Mail(protocol)) => Some(protocol),
            _ => None,
        }
    }

    fn answer(
        &self,
        text: &str,
        protocol: Protocol,
        told: Option<Phase>,
        mechanism: Option<Mechanism>,
        voice: Voice,
    ) -> Reading {
        let phase = told.unwrap_or_else(|| guess::phase(text, protocol));
        let at = |phase| {
            let answer = Answer {
                phase,
                protocol,
                mechanism,
                family: self.family,
                encrypted: true,
                challenge: None,
                text,
            };
            interpret(&answer, voice)
        };
        let mut verdict = at(phase);
        // A wordless "no" refuses a login only if the caller or a command says that there was a login.
        if told.is_none()
            && verdict.reason != Reason::Unexpected
            && at(Phase::Select).reason == Reason::Unexpected
        {
            verdict.reason = Reason::Unexpected;
        }
        Reading {
            source: Some(Source::Mail(protocol)),
            phase: Some(phase),
            mechanism,
            verdict: Some(verdict),
            by_name: false,
        }
    }

    /// The words of an identity provider, with the line in which they begin.
    fn provider(&self) -> Option<(usize, Reading)> {
        if oauth::is_token_response(self.text) {
            return None;
        }
        if self.paste.source == Some(Source::Token) {
            return self.token(self.text).found().map(|reading| (0, reading));
        }
        let speaks = |text: &str| {
            let folded = fold(text);
            oauth::is_of_provider(&folded) || oauth::sign_in_code(&folded).is_some()
        };
        let statement = self.evidence.statements.iter().find(|statement| speaks(&statement.text));
        let (line, body) = match statement {
            Some(statement) => (statement.line, self.text.get(statement.at..).unwrap_or(self.text)),
            None if oauth::is_known_number(&fold(&unescape(self.text))) => (0, self.text),
            None => return None,
        };
        let opened = || statement.and_then(|statement| self.token(&statement.text).found());
        let whole = || self.token(self.text).found();
        self.token(body).found().or_else(opened).or_else(whole).map(|reading| (line, reading))
    }

    fn token(&self, body: &str) -> Reading {
        let body = &statements::without_guesses(body);
        let verdict = token(&TokenAnswer { status: None, retry_after: None, body });
        self.by(Some(Source::Token), Some(Phase::Token), Some(verdict))
    }

    fn by(&self, source: Option<Source>, phase: Option<Phase>, verdict: Option<Verdict>) -> Reading {
        Reading { source, phase, mechanism: self.mechanism(None), verdict, by_name: false }
    }

    fn of_client(&self, text: &str) -> Option<Reading> {
        Some(self.of_network(statements::reason(text, self.mechanism(None))?))
    }

    fn of_network(&self, reason: Reason) -> Reading {
        self.by(Some(Source::Network), self.paste.phase, Some(Verdict { reason, retry_after: None }))
    }

    /// A program's own words: a library's exception, a mail program's dialogue window.
    fn statements(&self) -> Option<Reading> {
        if self.logged_in() {
            return None;
        }
        let refusal = |text: &str| {
            let reason = statements::refusal(text, self.mechanism(None))?;
            let protocol = self.given().or_else(|| self.guessed(&fold(text)));
            Some(self.by(
                protocol.map(Source::Mail),
                Some(Phase::Auth),
                Some(Verdict { reason, retry_after: None }),
            ))
        };
        let prose = |text: &str| {
            let folded = fold(text);
            let elsewhere = statements::is_of_another_service(&folded)
                || statements::is_of_no_connection(&folded)
                || guess::names_http(&folded);
            if elsewhere { None } else { self.prose(text).or_else(|| refusal(text)) }
        };
        // A client's message after the end of the session is no cause.
        let last = self.evidence.pieces.last().map_or(0, |piece| piece.line);
        let all = &self.evidence.statements;
        let during =
            all.iter().take_while(|statement| !self.evidence.ended() || statement.line <= last).count();
        let told = all.get(..during).unwrap_or(all);
        let name = |text: &str| Some(self.of_network(names::reason(text, self.mechanism(None))?));
        statements::judge(told, |text| self.of_client(text), prose, name)
    }

    /// Whether a login succeeded, and no refusal came after it.
    fn logged_in(&self) -> bool {
        self.evidence.logged_in()
            || oauth::is_token_response(self.text)
            || oauth::is_log_of_successful_sign_ins(self.text)
    }

    /// A sentence that may be a server's, quoted by a program: single words do not count.
    fn prose(&self, text: &str) -> Option<Reading> {
        let text = &statements::without_settings(text);
        let one = |protocol: &Protocol| {
            self.answer(text, *protocol, self.paste.phase, self.mechanism(None), Voice::Program).found()
        };
        match self.given().or_else(|| self.guessed(&fold(text))) {
            Some(protocol) => one(&protocol),
            None => Protocol::ALL.iter().find_map(one),
        }
    }

    /// A server's answer without code or tag: the caller named the protocol, so the text counts as an answer.
    fn bare_answer(&self) -> Option<Reading> {
        let protocol = self.given()?;
        let speaks = |piece: &Piece| !matches!(piece.kind, Kind::Farewell | Kind::Untagged);
        let statements = &self.evidence.statements;
        if statements.is_empty()
            || self.evidence.pieces.iter().any(speaks)
            || !statements::may_be_answer(statements)
            || statements.iter().any(|statement| guess::names_http(&fold(&statement.text)))
        {
            return None;
        }
        // A library's message about the network is not a server's answer.
        if let Some(reading) = statements::judge(statements, |text| self.of_client(text), |_| None, |_| None)
        {
            return Some(reading);
        }
        let said: Vec<_> =
            statements.iter().map(|statement| statements::without_settings(&statement.text)).collect();
        let told = self.paste.phase.or(self.evidence.asked.phase);
        self.answer(&said.join("\n"), protocol, told, self.mechanism(None), Voice::Server).found()
    }

    /// A refusal that a proxy on this side made up. It counts if the proxy's log does not tell why.
    fn of_local_proxy(&self) -> Option<Reading> {
        self.evidence
            .pieces
            .iter()
            .filter(|piece| is_of_local_proxy(piece))
            .find_map(|piece| self.read(piece).found())
    }

    fn farewell(&self) -> Option<Reading> {
        let pieces = &self.evidence.pieces;
        let (at, piece) =
            pieces.iter().enumerate().find(|(_, piece)| piece.kind == Kind::Farewell && !piece.ended)?;
        let after = pieces.get(at..).unwrap_or_default();
        let asked_for =
            after.iter().any(|piece| piece.kind == Kind::Success && fold(&piece.text).contains("logout"));
        (!asked_for).then(|| self.read(piece).found()).flatten()
    }

    /// No failure: only successes were said.
    fn success(&self) -> Option<Reading> {
        if oauth::is_token_response(self.text)
            || oauth::is_public_document(self.text)
            || oauth::is_log_of_successful_sign_ins(self.text)
        {
            return Some(self.by(Some(Source::Token), Some(Phase::Token), None));
        }
        let refuses = |piece: &Piece| !matches!(piece.kind, Kind::Success | Kind::Farewell);
        let standing = self
            .evidence
            .pieces
            .iter()
            .enumerate()
            .any(|(at, piece)| refuses(piece) && !self.evidence.is_overcome(at));
        let statements = &self.evidence.statements;
        let complains = !self.evidence.ended()
            && !self.logged_in()
            && statements.iter().any(|statement| statements::complains(&statement.text));
        let succeeds = || {
            statements.iter().any(|statement| progress::succeeds(&statement.text))
                || progress::goes_well(statements.iter().map(|statement| statement.text.as_str()))
        };
        let last = self.evidence.pieces.last();
        if standing || complains || (last.is_none() && !succeeds()) {
            return None;
        }
        let source = self.given().or(last.and_then(|piece| piece.protocol)).map(Source::Mail);
        Some(self.by(source, self.paste.phase, None))
    }

    /// A status of HTTP, and other words around a token endpoint.
    fn status(&self) -> Option<Reading> {
        let spoken = || guess::source(&fold(&unescape(self.text))) == Some(Source::Token);
        (self.given().is_none() && spoken()).then(|| self.token(self.text).found()).flatten()
    }

    fn unknown(&self) -> Reading {
        let protocol = self.evidence.pieces.first().and_then(|piece| piece.protocol).map(Source::Mail);
        let unexpected = Verdict { reason: Reason::Unexpected, retry_after: None };
        self.by(self.paste.source.or(protocol), self.paste.phase, Some(unexpected))
    }
}

/// Signatures of proxies that fetch tokens for mail programs and make up refusals.
const PROXIES: &[&str] = &["Email OAuth 2.0 Proxy:"];

/// Whether such a proxy made up a refusal, so that it is not a server's answer.
fn is_of_local_proxy(piece: &Piece) -> bool {
    PROXIES.iter().any(|proxy| piece.text.contains(proxy))
}
