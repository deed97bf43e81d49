//! A look at the header of an HTTP/1 request while it is read: where it ends, and whether it announces its
//! body in two ways at once (row H01). hyper would take the chunks, drop the length and close afterwards; we
//! refuse the request.

/// Longest name looked for, with its colon.
const NAME_BYTES_MAX: usize = "transfer-encoding:".len();

/// One header, as far as it was read.
#[derive(Debug, Clone, Default)]
pub(super) struct Head {
    /// Beginning of the current line, which may have come in pieces.
    line: [u8; NAME_BYTES_MAX],
    line_bytes: usize,
    has_length: bool,
    has_coding: bool,
    /// Its last line was read.
    pub(super) ended: bool,
    /// Not a request of HTTP/1 at all, but the beginning of an HTTP/2 connection.
    pub(super) is_h2_preface: bool,
}

impl Head {
    /// Takes the next bytes. When they announce a second kind of framing, the end of that line becomes a NUL:
    /// no header may have one, so the parser answers 400 and closes.
    pub(super) fn take(&mut self, bytes: &mut [u8]) {
        let mut at = 0;
        while !self.ended && !self.is_h2_preface && at < bytes.len() {
            let end = bytes[at..].iter().position(|b| *b == b'\n').map(|i| at + i);
            self.keep(&bytes[at..end.unwrap_or(bytes.len())]);
            let Some(end) = end else { return };
            let was_both = self.has_length && self.has_coding;
            self.end_line();
            if self.has_length && self.has_coding && !was_both {
                bytes[end] = 0;
            }
            at = end + 1;
        }
    }

    fn keep(&mut self, piece: &[u8]) {
        let have = self.line_bytes.min(NAME_BYTES_MAX);
        let take = piece.len().min(NAME_BYTES_MAX - have);
        self.line[have..have + take].copy_from_slice(&piece[..take]);
        self.line_bytes += piece.len();
    }

    fn end_line(&mut self) {
        let line = &self.line[..self.line_bytes.min(NAME_BYTES_MAX)];
        let is = |name: &[u8]| line.get(..name.len()).is_some_and(|l| l.eq_ignore_ascii_case(name));
        self.has_length |= is(b"content-length:");
        self.has_coding |= is(b"transfer-encoding:");
        self.is_h2_preface = line.starts_with(b"PRI * HTTP/2.0");
        self.ended = matches!(line, b"" | b"\r");
        self.line_bytes = 0;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn spoilt(text: &str, cuts: &[usize]) -> (bool, bool) {
        let mut bytes = text.as_bytes().to_vec();
        let mut head = Head::default();
        let mut from = 0;
        for cut in cuts.iter().copied().chain([bytes.len()]) {
            let to = cut.clamp(from, bytes.len());
            head.take(&mut bytes[from..to]);
            from = to;
        }
        (bytes.contains(&0), head.ended)
    }

    const BOTH: &str =
        "POST / HTTP/1.1\r\nHost: h\r\ntransfer-Encoding: chunked\r\nContent-length: 5\r\n\r\n0";
    const ONE: &str = "POST /content-length: HTTP/1.1\r\nX: transfer-encoding:\r\nContent-Length: 5\r\n\r\nTransfer-Encoding: x\r\n";

    #[test]
    fn two_framings_are_spoilt_and_one_is_not() {
        assert_eq!(spoilt(BOTH, &[]), (true, true));
        assert_eq!(spoilt(ONE, &[]), (false, true));
        assert_eq!(spoilt("GET / HTTP/1.1\r\nHost: h\r\n", &[]), (false, false));
        let mut head = Head::default();
        head.take(&mut b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec());
        assert!(head.is_h2_preface);
    }

    proptest! {
        #[test]
        fn however_it_is_cut(mut cuts in proptest::collection::vec(0..90usize, 0..8)) {
            cuts.sort_unstable();
            prop_assert_eq!(spoilt(BOTH, &cuts), (true, true));
            prop_assert_eq!(spoilt(ONE, &cuts), (false, true));
        }
    }
}
