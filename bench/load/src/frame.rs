//! RFC 6455 frames, as far as a load generator needs them: masked frames out, unfragmented frames in.

use crate::{Error, Result};

/// The opcode of a frame.
pub(crate) mod opcode {
    pub(crate) const TEXT: u8 = 0x1;
    pub(crate) const CLOSE: u8 = 0x8;
    pub(crate) const PING: u8 = 0x9;
    pub(crate) const PONG: u8 = 0xA;
}

/// Any key does: masking protects proxies, and there is none on the way.
const MASK: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];

/// One final, masked client frame.
pub(crate) fn masked(opcode: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = Vec::with_capacity(payload.len() + 14);
    frame.push(0x80 | opcode);
    match payload.len() {
        length @ 0..=125 => frame.push(0x80 | length as u8),
        length @ 126..=0xFFFF => {
            frame.push(0x80 | 126);
            frame.extend_from_slice(&(length as u16).to_be_bytes());
        }
        length => {
            frame.push(0x80 | 127);
            frame.extend_from_slice(&(length as u64).to_be_bytes());
        }
    }
    frame.extend_from_slice(&MASK);
    frame.extend(
        payload
            .iter()
            .zip(MASK.iter().cycle())
            .map(|(byte, mask)| byte ^ mask),
    );
    frame
}

/// One server frame at the start of a buffer.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Frame<'a> {
    pub(crate) opcode: u8,
    pub(crate) payload: &'a [u8],
    /// Bytes that the whole frame takes in the buffer.
    pub(crate) length: usize,
}

/// Reads the frame at the start of `bytes`, or `None` while it isn't all there.
pub(crate) fn parse(bytes: &[u8]) -> Result<Option<Frame<'_>>> {
    let [first, second, rest @ ..] = bytes else {
        return Ok(None);
    };
    if first & 0x80 == 0 || first & 0x0F == 0 {
        return Err(Error::Protocol("a fragmented message".into()));
    }
    if first & 0x70 != 0 || second & 0x80 != 0 {
        return Err(Error::Protocol(
            "reserved bits or a mask in a server frame".into(),
        ));
    }
    let (extended, size) = match second & 0x7F {
        126 => match rest.first_chunk::<2>() {
            Some(length) => (2, usize::from(u16::from_be_bytes(*length))),
            None => return Ok(None),
        },
        127 => match rest.first_chunk::<8>() {
            Some(length) => (
                8,
                usize::try_from(u64::from_be_bytes(*length)).unwrap_or(usize::MAX),
            ),
            None => return Ok(None),
        },
        short => (0, usize::from(short)),
    };
    let rest = &rest[extended..];
    Ok(rest.get(..size).map(|payload| Frame {
        opcode: first & 0x0F,
        payload,
        length: 2 + extended + size,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server_frame(opcode: u8, payload: &[u8]) -> Vec<u8> {
        let client = masked(opcode, payload);
        let header = client.len() - payload.len() - 4;
        let mut frame = client[..header].to_vec();
        frame[1] &= 0x7F;
        frame.extend_from_slice(payload);
        frame
    }

    #[test]
    fn frames_of_every_length_class_are_read_back() {
        for size in [0, 1, 125, 126, 127, 65_535, 65_536] {
            let payload = vec![b'x'; size];
            let bytes = server_frame(opcode::TEXT, &payload);
            let frame = parse(&bytes).unwrap().unwrap();
            assert_eq!(
                (frame.opcode, frame.payload.len(), frame.length),
                (opcode::TEXT, size, bytes.len())
            );
            assert_eq!(
                parse(&bytes[..bytes.len() - 1]).unwrap(),
                None,
                "{size} bytes less one"
            );
        }
    }

    #[test]
    fn masking_is_undone_by_masking_again() {
        let frame = masked(opcode::TEXT, b"weft and warp");
        let unmasked: Vec<u8> = frame[6..]
            .iter()
            .zip(MASK.iter().cycle())
            .map(|(byte, mask)| byte ^ mask)
            .collect();
        assert_eq!(unmasked, b"weft and warp");
    }

    #[test]
    fn a_masked_or_fragmented_server_frame_is_an_error() {
        assert!(parse(&masked(opcode::TEXT, b"a")).is_err());
        assert!(parse(&[0x01, 0x01, b'a']).is_err());
    }
}
