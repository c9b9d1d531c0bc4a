//! Files of mails that leave: pictures that the text shows go with it, other files of what a person wrote are attached,
//! and what is too large for a mail is linked.

use super::{PICTURES, no_room, picture_path};
use crate::desk::{Desk, Error, Result};
use crate::model::{
    ActorType, AttachmentRecord, Audience, Download, OutgoingFile, OutgoingMail, Response, Timestamp,
};
use crate::store::Tx;

const DAY_MS: i64 = 24 * 3_600_000;

/// How a file reaches the reader.
enum Way {
    /// Its octets are in the mail.
    Along,
    /// By an address of ours.
    Linked(String),
}

impl Desk {
    /// Puts the files of what a mail tells into it: along while they fit, pictures first, else as links. Without an
    /// address that people reach us at there are no links, and all go along.
    pub(in crate::desk) async fn add_files(
        &self,
        tx: &mut Tx,
        mail: &mut OutgoingMail,
        records: Vec<AttachmentRecord>,
    ) -> Result<()> {
        let (pictures, files): (Vec<_>, Vec<_>) = records.into_iter().partition(|file| mail.shows(file));
        if !mail.may_carry() {
            mail.file_names.extend(files.into_iter().filter_map(|file| file.filename));
            return Ok(());
        }
        let mut room = self.config().limits.max_mail_files_mb << 20;
        for picture in pictures {
            match self.way(&picture, mail.date, &mut room, true) {
                Way::Along => mail.embed(&picture, self.file_content(tx, &picture).await?),
                Way::Linked(url) => mail.redirect(&picture, &format!("{url}&amp;inline=1")),
            }
        }
        for file in files {
            mail.file_names.extend(file.filename.clone());
            match self.way(&file, mail.date, &mut room, !mail.entry.automatic) {
                Way::Linked(url) => {
                    mail.downloads.push(Download { name: name_of(&file), size: file.size, url })
                }
                Way::Along if mail.entry.automatic => {}
                Way::Along => {
                    let content = self.file_content(tx, &file).await?;
                    mail.files.extend(content.map(|content| outgoing(&file, None, content)));
                }
            }
        }
        Ok(())
    }

    /// What the desk tells of by itself carries no files but pictures (`may_ride`).
    fn way(&self, file: &AttachmentRecord, now: Timestamp, room: &mut u64, may_ride: bool) -> Way {
        let size = u64::try_from(file.size).unwrap_or(u64::MAX);
        match self.file_link(file, now) {
            Some(url) if !may_ride || size > *room => Way::Linked(url),
            _ => {
                *room = room.saturating_sub(if may_ride { size } else { 0 });
                Way::Along
            }
        }
    }

    /// A full address that anybody may read a file at for a time; none without `http.public_url`.
    fn file_link(&self, file: &AttachmentRecord, now: Timestamp) -> Option<String> {
        let base = self.config().http.public_url.as_deref()?.trim_end_matches('/');
        let end = now.plus_ms(i64::from(self.config().limits.file_link_days) * DAY_MS).0 / 1_000;
        let signature = self.keys().file_signature(file.id, Timestamp(end * 1_000));
        Some(format!("{base}{PICTURES}{}?exp={end}&sig={signature}", file.id))
    }

    /// All of a file, within the mail's own snapshot; `None` when it is gone.
    async fn file_content(&self, tx: &mut Tx, file: &AttachmentRecord) -> Result<Option<Vec<u8>>> {
        let Some(sha256) = &file.blob_sha256 else {
            return match self.part_of_mail(tx, file).await {
                Ok(octets) => octets.read_at(0, usize::MAX).map(Some).map_err(no_room),
                Err(Error::NotFound(_)) => Ok(None),
                Err(error) => Err(error),
            };
        };
        let size = usize::try_from(file.size).unwrap_or(0);
        let mut content = Vec::with_capacity(size);
        for seq in 0_i64.. {
            if content.len() >= size {
                break;
            }
            let Some(piece) = tx.blob_piece(sha256, seq).await? else { return Ok(None) };
            content.extend_from_slice(&piece);
        }
        Ok(Some(content))
    }
}

impl OutgoingMail {
    /// Whether it shows what was written: what people wrote does, and what tells agents of it; of mails to customers
    /// that the desk writes by itself, those that repeat an agent's words.
    fn may_carry(&self) -> bool {
        let by_us = |one: &Response| matches!(one.author_type, ActorType::Agent | ActorType::System);
        match self.entry.audience {
            Audience::Customer => !self.entry.automatic || self.response.as_ref().is_some_and(by_us),
            Audience::Agent | Audience::Admin => self.entry.verified,
        }
    }

    /// Whether its HTML shows this file.
    fn shows(&self, file: &AttachmentRecord) -> bool {
        let path = picture_path(file);
        let bundled = self.bundled.iter().filter_map(|(_, html)| html.as_ref());
        self.response_html.iter().chain(bundled).any(|html| html.contains(&path))
    }

    /// Puts a picture in, and has the HTML show it from there.
    fn embed(&mut self, picture: &AttachmentRecord, content: Option<Vec<u8>>) {
        let domain = self.entry.from_address.rsplit_once('@').map_or("localhost", |(_, domain)| domain);
        let id = format!("{}@{domain}", picture.id.simple());
        self.redirect(picture, &format!("cid:{id}"));
        self.files.extend(content.map(|content| outgoing(picture, Some(id), content)));
    }

    /// Has the HTML show a picture from elsewhere.
    fn redirect(&mut self, picture: &AttachmentRecord, to: &str) {
        let path = picture_path(picture);
        let bundled = self.bundled.iter_mut().filter_map(|(_, html)| html.as_mut());
        for html in self.response_html.iter_mut().chain(bundled) {
            *html = html.replace(&path, to);
        }
    }
}

fn outgoing(file: &AttachmentRecord, content_id: Option<String>, content: Vec<u8>) -> OutgoingFile {
    OutgoingFile { filename: name_of(file), content_type: file.content_type.clone(), content_id, content }
}

fn name_of(file: &AttachmentRecord) -> String {
    file.filename.clone().unwrap_or_else(|| "attachment".into())
}
