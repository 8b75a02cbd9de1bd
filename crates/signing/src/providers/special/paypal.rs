//! PayPal: RSA over the transmission's id and time, the webhook's id and a checksum of the body.
//!
//! `PAYPAL-TRANSMISSION-SIG` is the base64 of RSA PKCS #1 v1.5 with SHA-256 over `transmission id|time|webhook id|crc`,
//! where `crc` is the CRC-32 of the body in decimal. The key is in the certificate at `PAYPAL-CERT-URL`. The
//! configuration has the webhook's id as `secret`, and may have `certificate`: a PEM with PayPal's certificate itself
//! or the authority that has to have issued it. **A CRC-32 protects against accident only**: whoever has one signed
//! request can make another body with the same checksum. Fetch the event from PayPal's API before acting on it.
//!
//! **Invariant:** nothing is fetched but `https://*.paypal.com/v1/notifications/certs/<name>`. A certificate is used
//! when it was issued for `*.paypal.com`, and by a public authority where the document says by whom.
//!
//! Source: paypalrestsdk 1.13.3 `notifications.py`,
//! <https://developer.paypal.com/api/rest/webhooks/rest/>.

use super::super::config::{Config, Secret};
use super::super::{ConfigError, Inbound, Materials, Refusal};
use super::rsa::{self, Hash};
use super::{Judge, x509::Chain};
use webpki_roots::TLS_SERVER_ROOTS;

pub(super) struct PayPal {
    webhook_ids: Vec<Secret>,
    pinned: Option<Chain>,
}

impl PayPal {
    pub(super) fn new(config: Config<'_>) -> Result<Self, ConfigError> {
        let wrong = || ConfigError::new("certificate", "must be a certificate in PEM");
        let pinned = match config.text("certificate")? {
            Some(pem) => Some(Chain::read(pem.as_bytes()).filter(|chain| chain.anchors().is_some()).ok_or_else(wrong)?),
            None => None,
        };
        Ok(Self { webhook_ids: config.secrets(1)?, pinned })
    }

    /// Refuses a certificate that isn't PayPal's.
    fn check_trust(&self, chain: &Chain, now_ms: i64) -> Result<(), Refusal> {
        if self.pinned.as_ref().is_some_and(|pinned| pinned.begins_like(chain)) {
            return Ok(());
        }
        chain.check_name(|name| name.ends_with(".paypal.com"))?;
        match &self.pinned {
            Some(pinned) => chain.check_path(&pinned.anchors().unwrap_or_default(), now_ms),
            None if chain.has_issuers() => chain.check_path(TLS_SERVER_ROOTS, now_ms),
            // A certificate alone was served by a host that TLS found to be PayPal's, at a path for certificates.
            None => Ok(()),
        }
    }
}

impl Judge for PayPal {
    fn judge(&self, request: &Inbound<'_>, materials: &dyn Materials) -> Result<(), Refusal> {
        if request.header("paypal-auth-algo")? != b"SHA256withRSA" {
            return Err(Refusal::Malformed("the signature's algorithm is not SHA256withRSA".into()));
        }
        let id = request.header("paypal-transmission-id")?;
        let time = request.header("paypal-transmission-time")?;
        if id.contains(&b'|') || time.contains(&b'|') {
            return Err(Refusal::Malformed("the transmission's id or time has a `|` in it".into()));
        }
        let signature = rsa::signature(request.header("paypal-transmission-sig")?)?;
        let url = std::str::from_utf8(request.header("paypal-cert-url")?).ok().filter(|url| is_certificate_url(url));
        let url = url.ok_or_else(|| Refusal::Untrusted("the certificate's URL is not one of PayPal".into()))?;
        let chain = Chain::fetched(materials.get(url).ok_or_else(|| Refusal::Needs(url.to_owned()))?)?;
        let key = chain.key_at(request.now_ms)?;
        self.check_trust(&chain, request.now_ms)?;
        let checksum = crc32fast::hash(request.body).to_string();
        let made = self.webhook_ids.iter().fold(false, |made, webhook_id| {
            let signed = [id, time, webhook_id.as_bytes(), checksum.as_bytes()].join(&b'|');
            key.made(Hash::Sha256, &signed, &signature) | made
        });
        if made { Ok(()) } else { Err(Refusal::Mismatch) }
    }
}

/// `^https://[a-z0-9.-]+\.paypal\.com/v1/notifications/certs/[A-Za-z0-9_-]+$`
fn is_certificate_url(url: &str) -> bool {
    let Some((host, path)) = url.strip_prefix("https://").and_then(|rest| rest.split_once('/')) else { return false };
    let is_host = host.strip_suffix(".paypal.com").is_some_and(|rest| {
        !rest.is_empty() && rest.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.'))
    });
    let name = path.strip_prefix("v1/notifications/certs/").unwrap_or_default();
    is_host && !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-".contains(&b))
}
