//! Certificates that providers publish for their signatures: read out of PEM, judged, and reduced to their key.
//!
//! **Invariant:** a certificate is used only within its validity and with a name that the caller accepts. A chain is
//! verified by webpki, the library that TLS trusts here; only the validity is read by hand, for webpki doesn't tell it.

use super::super::Refusal;
use super::rsa::{Der, PublicKey, Tag};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, SubjectPublicKeyInfoDer, TrustAnchor, UnixTime};
use std::time::Duration;
use webpki::{ALL_VERIFICATION_ALGS, EndEntityCert, KeyUsage};

/// Bytes of a document with certificates, at most.
const PEM_LEN_MAX: usize = 65_536;
/// Certificates in a document, at most.
const CERTIFICATES_MAX: usize = 8;

/// Certificates as a provider publishes them: the one that signs first, then what leads to its root.
pub(super) struct Chain(Vec<CertificateDer<'static>>);

impl Chain {
    /// Reads a PEM document. `None` when it has no certificate, something broken, or too much of it.
    pub(super) fn read(pem: &[u8]) -> Option<Self> {
        if pem.len() > PEM_LEN_MAX {
            return None;
        }
        let read = CertificateDer::pem_slice_iter(pem).take(CERTIFICATES_MAX + 1);
        let found: Vec<_> = read.collect::<Result<_, _>>().ok()?;
        (1..=CERTIFICATES_MAX).contains(&found.len()).then_some(Self(found))
    }

    /// Like [`read`](Self::read), for a document that was fetched.
    pub(super) fn fetched(pem: &[u8]) -> Result<Self, Refusal> {
        Self::read(pem).ok_or_else(|| untrusted("the document at the certificate's URL holds no certificate"))
    }

    /// Whether there is more than the signing certificate.
    pub(super) fn has_issuers(&self) -> bool {
        self.0.len() > 1
    }

    /// Whether the first certificates of both are the same.
    pub(super) fn begins_like(&self, other: &Chain) -> bool {
        self.0.first() == other.0.first()
    }

    /// The key of the signing certificate, which must be valid at `now_ms` (Unix milliseconds).
    pub(super) fn key_at(&self, now_ms: i64) -> Result<PublicKey, Refusal> {
        let der = self.first()?;
        let (from_s, until_s) = validity(der).ok_or_else(unreadable)?;
        let now_s = now_ms.div_euclid(1000);
        if now_s < from_s || now_s > until_s {
            return Err(untrusted("the certificate is not valid at this time"));
        }
        let spki = parsed(der)?.subject_public_key_info();
        PublicKey::from_spki(&spki).ok_or_else(|| untrusted("the certificate's key is not RSA"))
    }

    /// Refuses a signing certificate without a DNS name that `accepts` takes.
    pub(super) fn check_name(&self, accepts: impl Fn(&str) -> bool) -> Result<(), Refusal> {
        let certificate = parsed(self.first()?)?;
        if certificate.valid_dns_names().any(accepts) {
            Ok(())
        } else {
            Err(untrusted("the certificate was issued for another name"))
        }
    }

    /// Refuses a signing certificate from which no chain leads to one of `anchors` at `now_ms`.
    pub(super) fn check_path(&self, anchors: &[TrustAnchor<'_>], now_ms: i64) -> Result<(), Refusal> {
        let certificate = parsed(self.first()?)?;
        let issuers = self.0.get(1..).unwrap_or_default();
        let now = UnixTime::since_unix_epoch(Duration::from_secs(u64::try_from(now_ms / 1000).unwrap_or(0)));
        certificate
            .verify_for_usage(ALL_VERIFICATION_ALGS, anchors, issuers, now, KeyUsage::server_auth(), None, None)
            .map(drop)
            .map_err(|error| untrusted(&format!("no trusted authority issued the certificate: {error}")))
    }

    /// The certificates as authorities that are trusted. `None` when one can't be.
    pub(super) fn anchors(&self) -> Option<Vec<TrustAnchor<'static>>> {
        self.0.iter().map(|der| webpki::anchor_from_trusted_cert(der).ok().map(|anchor| anchor.to_owned())).collect()
    }

    fn first(&self) -> Result<&CertificateDer<'static>, Refusal> {
        self.0.first().ok_or_else(unreadable)
    }
}

/// The key in a PEM document (`-----BEGIN PUBLIC KEY-----`).
pub(super) fn public_key(pem: &str) -> Option<PublicKey> {
    PublicKey::from_spki(&SubjectPublicKeyInfoDer::from_pem_slice(pem.as_bytes()).ok()?)
}

fn untrusted(why: &str) -> Refusal {
    Refusal::Untrusted(why.to_owned().into())
}

fn unreadable() -> Refusal {
    untrusted("the certificate can't be read")
}

fn parsed<'a>(der: &'a CertificateDer<'a>) -> Result<EndEntityCert<'a>, Refusal> {
    EndEntityCert::try_from(der).map_err(|_| unreadable())
}

/// From when until when a certificate is valid, in Unix seconds, both included (RFC 5280 section 4.1.2.5).
fn validity(der: &[u8]) -> Option<(i64, i64)> {
    let mut certificate = Der(Der(der).next_of(Tag::SEQUENCE)?);
    let mut signed = Der(certificate.next_of(Tag::SEQUENCE)?);
    signed.next_of(Tag::VERSION)?;
    // Serial number, signature algorithm, issuer.
    for _ in 0..3 {
        signed.next()?;
    }
    let mut validity = Der(signed.next_of(Tag::SEQUENCE)?);
    Some((time(validity.next()?)?, time(validity.next()?)?))
}

/// `YYMMDDHHMMSSZ` or `YYYYMMDDHHMMSSZ`, as RFC 5280 allows.
fn time((tag, text): (u8, &[u8])) -> Option<i64> {
    let digits = std::str::from_utf8(text.strip_suffix(b"Z")?).ok()?;
    if !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let (year, rest) = match tag {
        Tag::UTC_TIME => {
            let (year, rest) = digits.split_at_checked(2)?;
            let year: i16 = year.parse().ok()?;
            (if year < 50 { 2000 + year } else { 1900 + year }, rest)
        }
        Tag::GENERALIZED_TIME => {
            let (year, rest) = digits.split_at_checked(4)?;
            (year.parse().ok()?, rest)
        }
        _ => return None,
    };
    let mut pairs = rest.as_bytes().chunks(2).map(|pair| std::str::from_utf8(pair).ok()?.parse::<i8>().ok());
    let mut pair = || pairs.next().flatten();
    let civil = jiff::civil::DateTime::new(year, pair()?, pair()?, pair()?, pair()?, pair()?, 0).ok()?;
    let ended = rest.len() == 10;
    let at = jiff::tz::TimeZone::UTC.to_timestamp(civil).ok()?;
    ended.then(|| at.as_second())
}
