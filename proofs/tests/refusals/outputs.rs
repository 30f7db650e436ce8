//! Forgeries about outputs.

use super::*;

/// Shares of outputs.
#[expect(clippy::too_many_lines, reason = "a table of forgeries")]
pub(super) fn outputs() -> Vec<&'static str> {
    vec![
        // An output of somebody outside the coalition.
        refused(Client, "no output", |l| {
            let x = l.x(1);
            let m = l.p.send(x, Client);
            let output = l.p.reveal(m, P0, "y", 0);
            l.steps.push(Step::Output { output, shares: vec![Share { message: m, mask: None }] });
        }),
        // A value that nobody revealed.
        refused(Client, "no output", |l| {
            let x = l.x(1);
            let m = l.p.send(x, Client);
            l.steps.push(Step::Output { output: m, shares: vec![Share { message: m, mask: None }] });
        }),
        refused(Client, "no shares", |l| {
            let x = l.x(1);
            let m = l.p.send(x, Client);
            l.output(m, &[]);
        }),
        refused(Client, "no share", |l| {
            let (x, y) = (l.x(1), l.x(1));
            let (m, n) = (l.p.send(x, Client), l.p.send(y, Client));
            l.output(m, &[(n, None)]);
        }),
        refused(Client, "unnamed share", |l| {
            let (a, b, _) = l.shares(1);
            let y = l.p.add(a, b);
            l.output(y, &[(b, None)]);
        }),
        refused(Client, "last share masked", |l| {
            let (a, b, z) = l.shares(1);
            let y = l.p.add(a, b);
            l.output(y, &[(a, Some(z)), (b, Some(z))]);
        }),
        refused(Client, "share unmasked", |l| {
            let (a, b, _) = l.shares(1);
            let y = l.p.add(a, b);
            l.output(y, &[(a, None), (b, None)]);
        }),
        refused(Client, "no sum", |l| {
            let x = l.x(1);
            let m = l.p.send(x, Client);
            let y = l.p.mul(m, m);
            l.output(y, &[(m, None)]);
        }),
        // Some bits of a message do not tell it.
        refused(Client, "no sum", |l| {
            let x = l.x(1);
            let m = l.p.send(x, Client);
            let y = l.p.convert(m, Domain::Ring(1));
            l.output(y, &[(m, None)]);
        }),
        // What somebody else made of a message before sending it is no sum of messages.
        refused(Client, "no sum", |l| {
            let (x, s) = (l.x(1), l.s(RING, 1));
            let m = l.p.add(x, s);
            let m1 = l.p.send(m, Client);
            let n = l.p.moved(m, Move::Reshape([1, 1].into()));
            let n = l.p.mul(n, n);
            let n = l.p.send(n, Client);
            l.output(n, &[(m1, None)]);
        }),
        refused(Client, "share twice", |l| {
            let x = l.x(1);
            let m = l.p.send(x, Client);
            let y = l.p.add(m, m);
            l.output(y, &[(m, None)]);
        }),
        refused(Client, "share broadcast", |l| {
            let (x, y) = (l.x(1), l.x(2));
            let (m, n) = (l.p.send(x, Client), l.p.send(y, Client));
            let y = l.p.add(m, n);
            l.output(y, &[(m, None), (n, None)]);
        }),
        // Twice a message does not tell it.
        refused(Client, "even factor", |l| {
            let x = l.x(1);
            let m = l.p.send(x, Client);
            let two = l.splat(2, RING);
            let y = l.p.mul(m, two);
            l.output(y, &[(m, None)]);
        }),
        // A mask of the shares that is sent, too, under nothing else.
        refused(Client, "mask elsewhere", |l| {
            let (a, b, z) = l.shares(1);
            let n = l.p.neg(z);
            let n = l.p.send(n, Client);
            let y = l.p.add(a, b);
            l.output(y, &[(a, Some(z)), (b, None)]);
            l.steps.push(Step::Uniform { message: n, masks: vec![z] });
        }),
        // A mask of one share only.
        refused(Client, "mask elsewhere", |l| {
            let (x, y, z) = (l.x(1), l.x(1), l.s(RING, 1));
            let a = l.p.add(x, z);
            let (a, b) = (l.p.send(a, Client), l.p.send(y, Client));
            let y = l.p.add(a, b);
            l.output(y, &[(a, Some(z)), (b, None)]);
        }),
        // A mask that is doubled on its way: it cancels, and does not cover.
        refused(Client, "mask no summand", |l| {
            let (x, y, z) = (l.x(1), l.x(1), l.s(RING, 1));
            let two = l.splat(2, RING);
            let zz = l.p.mul(z, two);
            let a = l.p.add(x, zz);
            let zz = l.p.mul(z, two);
            let b = l.p.sub(y, zz);
            let (a, b) = (l.p.send(a, Client), l.p.send(b, Client));
            let y = l.p.add(a, b);
            l.output(y, &[(a, Some(z)), (b, None)]);
        }),
        // A mask under a shift.
        refused(Client, "mask no summand", |l| {
            let (x, y, z) = (l.word(1), l.word(1), l.s(WORD, 1));
            let half = l.p.shift_right(z, 1);
            let a = l.p.xor(x, half);
            let half = l.p.shift_right(z, 1);
            let b = l.p.xor(y, half);
            let (a, b) = (l.p.send(a, Client), l.p.send(b, Client));
            let y = l.p.xor(a, b);
            l.output(y, &[(a, Some(z)), (b, None)]);
        }),
        refused(Client, "mask broadcast", |l| {
            let (x, y, z) = (l.x(2), l.x(2), l.s(RING, 1));
            let (a, b) = (l.p.add(x, z), l.p.sub(y, z));
            let (a, b) = (l.p.send(a, Client), l.p.send(b, Client));
            let y = l.p.add(a, b);
            l.output(y, &[(a, Some(z)), (b, None)]);
        }),
        // The signs: both add it; the output subtracts.
        refused(Client, "not cancelling", |l| {
            let (x, y, z) = (l.x(1), l.x(1), l.s(RING, 1));
            let (a, b) = (l.p.add(x, z), l.p.add(y, z));
            let (a, b) = (l.p.send(a, Client), l.p.send(b, Client));
            let y = l.p.add(a, b);
            l.output(y, &[(a, Some(z)), (b, None)]);
        }),
        refused(Client, "not cancelling", |l| {
            let (a, b, z) = l.shares(1);
            let y = l.p.sub(a, b);
            l.output(y, &[(a, Some(z)), (b, None)]);
        }),
        // A share made from a message that is drawn without the output.
        refused(Client, "share depends on drawn", |l| {
            let (x, s, y, z) = (l.x(1), l.s(RING, 1), l.x(1), l.s(RING, 1));
            let m = l.p.add(x, s);
            let sent = l.p.send(m, Client);
            l.steps.push(Step::Uniform { message: sent, masks: vec![s] });
            let square = l.p.mul(m, m);
            let (a, b) = (l.p.add(square, z), l.p.sub(y, z));
            let (a, b) = (l.p.send(a, Client), l.p.send(b, Client));
            let y = l.p.add(a, b);
            l.output(y, &[(a, Some(z)), (b, None)]);
        }),
        // The same, where the message is one of two shares of another output, and drawn all the same.
        refused(Client, "share depends on drawn", |l| {
            let (x, y, z) = (l.x(1), l.x(1), l.s(RING, 1));
            let (a, b) = (l.p.add(x, z), l.p.sub(y, z));
            let square = l.p.mul(a, a);
            let (a, b) = (l.p.send(a, Client), l.p.send(b, Client));
            let sum = l.p.add(a, b);
            l.output(sum, &[(a, Some(z)), (b, None)]);
            let (v, z) = (l.x(1), l.s(RING, 1));
            let (a, b) = (l.p.add(square, z), l.p.sub(v, z));
            let (a, b) = (l.p.send(a, Client), l.p.send(b, Client));
            let sum = l.p.add(a, b);
            l.output(sum, &[(a, Some(z)), (b, None)]);
        }),
    ]
}
