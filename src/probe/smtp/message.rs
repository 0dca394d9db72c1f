//! Hands one message over: MAIL, RCPT, DATA. Only a round trip does that.

use lettre::transport::smtp::commands::Data;

use super::super::verdict::Stage;
use super::super::{Letter, Probe};
use super::Smtp;
use crate::model::{Cause, Phase, Reason};

impl Smtp {
    /// Sends a message (RFC 5321 section 3.3). Returns the server's last answer, which often names the message in
    /// its queue.
    ///
    /// # Errors
    /// Why the server did not accept it.
    pub async fn send(&mut self, probe: Probe<'_>, letter: &Letter) -> Result<String, Cause> {
        let stage = Stage::at(Phase::Sender, self.encrypted);
        self.say(probe, &stage, format!("MAIL FROM:<{}>\r\n", letter.from)).await?;
        self.say(probe, &stage, format!("RCPT TO:<{}>\r\n", letter.to)).await?;
        self.orderly = false;
        match self.connection.command(Data).await {
            Ok(reply) if reply.has_code(354) => {}
            reply => {
                self.settle(probe, &stage, reply)?;
                let answer = self.dialogue.answer();
                let why = format!("the server does not wait for the message after DATA: {answer}");
                return Err(Cause::new(Reason::ProtocolError, why));
            }
        }
        let reply = self.connection.message(&letter.text).await;
        self.settle(probe, &stage, reply)?;
        Ok(self.dialogue.answer())
    }
}
