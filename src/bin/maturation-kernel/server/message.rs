//! Jupyter's messages, as they come and go: <https://jupyter-client.readthedocs.io/en/stable/messaging.html>.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;

use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::Sha256;
use zeromq::ZmqMessage;

/// Between a message's addresses and its signature.
const DELIMITER: &[u8] = b"<IDS|MSG>";

/// What messages are signed with, and what this kernel calls itself in them.
#[derive(Clone)]
pub struct Session {
    mac: Option<Hmac<Sha256>>,
    name: String,
}

/// A message.
#[derive(Clone, Debug)]
pub struct Message {
    /// To whom it goes, or from whom it came.
    pub addresses: Vec<Vec<u8>>,
    /// Its header.
    pub header: Value,
    /// The header of the message that it answers.
    pub parent: Value,
    /// What it says.
    pub content: Value,
}

impl Session {
    /// A session with the key of a connection file; an empty one means that nothing is signed.
    pub fn new(key: &str) -> Session {
        let instant = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        // A key of any length will do.
        let mac = Hmac::new_from_slice(key.as_bytes()).ok().filter(|_| !key.is_empty());
        Session { mac, name: format!("{:x}-{:x}", std::process::id(), instant.as_micros()) }
    }

    fn signature(&self, parts: &[Vec<u8>]) -> String {
        let Some(mut mac) = self.mac.clone() else { return String::new() };
        parts.iter().for_each(|part| mac.update(part));
        mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// The message that was received, unless it is broken or its signature is another.
    pub fn read(&self, received: ZmqMessage) -> Option<Message> {
        let parts: Vec<Vec<u8>> = received.into_vec().iter().map(|part| part.to_vec()).collect();
        let delimiter = parts.iter().position(|part| part == DELIMITER)?;
        let (addresses, rest) = parts.split_at(delimiter);
        let (signature, parts) = rest.get(1..)?.split_first()?;
        // This takes as long for a signature that is wrong at its end as for one that is wrong at its beginning.
        let right = self.signature(parts);
        let differing = right.bytes().zip(signature).fold(0, |differing, (one, other)| differing | (one ^ other));
        if parts.len() < 4 || right.len() != signature.len() || differing != 0 {
            return None;
        }
        let part = |place: usize| serde_json::from_slice(&parts[place]).ok();
        Some(Message { addresses: addresses.to_vec(), header: part(0)?, parent: part(1)?, content: part(3)? })
    }

    /// The message as it is sent.
    pub fn write(&self, message: &Message) -> ZmqMessage {
        let Message { addresses, header, parent, content } = message;
        let parts: Vec<Vec<u8>> =
            [header, parent, &json!({}), content].iter().map(|part| part.to_string().into_bytes()).collect();
        let signature = self.signature(&parts).into_bytes();
        let begin = [DELIMITER.to_vec(), signature];
        let mut all = addresses.iter().cloned().chain(begin).chain(parts);
        let mut written = ZmqMessage::from(all.next().unwrap_or_default());
        all.for_each(|part| written.push_back(part.into()));
        written
    }

    /// A message of a kind that has to do with another: `parent` is that one's header.
    pub fn about(&self, parent: &Value, kind: &str, content: Value) -> Message {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let header = json!({
            "msg_id": format!("{}-{}", self.name, COUNT.fetch_add(1, Ordering::Relaxed)),
            "session": self.name,
            "username": "kernel",
            "date": chrono::Utc::now().to_rfc3339(),
            "msg_type": kind,
            "version": "5.3",
        });
        Message { addresses: Vec::new(), header, parent: parent.clone(), content }
    }

    /// The answer to a request.
    pub fn reply(&self, request: &Message, content: Value) -> Message {
        let kind = request.kind().replace("_request", "_reply");
        Message { addresses: request.addresses.clone(), ..self.about(&request.header, &kind, content) }
    }
}

impl Message {
    /// What kind of message this is.
    pub fn kind(&self) -> &str {
        self.header["msg_type"].as_str().unwrap_or_default()
    }

    /// The cell's text.
    pub fn code(&self) -> &str {
        self.content["code"].as_str().unwrap_or_default()
    }

    /// The place of the cursor in the cell's text, in bytes. Jupyter counts characters.
    pub fn cursor(&self) -> usize {
        let characters = self.content["cursor_pos"].as_u64().and_then(|place| usize::try_from(place).ok());
        let place = characters.and_then(|characters| self.code().char_indices().nth(characters));
        place.map_or(self.code().len(), |(place, _)| place)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(code: &str, cursor: u64) -> Message {
        let content = json!({"code": code, "cursor_pos": cursor});
        let message = Session::new("").about(&json!({}), "complete_request", content);
        Message { addresses: vec![b"client".to_vec()], ..message }
    }

    #[test]
    fn a_message_that_was_written_is_read_again_by_those_who_have_the_key() {
        let session = Session::new("secret");
        let written = session.write(&request("1 + 1", 5));
        let read = session.read(written.clone()).unwrap();
        assert_eq!((read.kind(), read.code()), ("complete_request", "1 + 1"));
        assert_eq!(read.addresses, [b"client"]);
        assert!(Session::new("other").read(written.clone()).is_none());
        assert!(Session::new("").read(written).is_none());
        assert!(session.read(ZmqMessage::from("nonsense")).is_none());
        let mut short = ZmqMessage::from("a");
        short.push_back(DELIMITER.to_vec().into());
        assert!(session.read(short).is_none());
    }

    #[test]
    fn an_answer_goes_back_to_where_the_request_came_from() {
        let request = request("", 0);
        let reply = Session::new("").reply(&request, json!({"status": "ok"}));
        assert_eq!(reply.kind(), "complete_reply");
        assert_eq!((reply.addresses, reply.parent), (request.addresses, request.header));
    }

    #[test]
    fn the_cursor_is_counted_in_characters() {
        assert_eq!(request("näher", 2).cursor(), 3);
        assert_eq!(request("ab", 99).cursor(), 2);
    }
}
