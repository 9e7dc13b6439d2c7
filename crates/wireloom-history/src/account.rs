//! What one client saw, held against what it may see: everything once, in order, and every gap declared.

use std::collections::HashMap;

/// What a client saw.
#[derive(Debug, Default)]
pub(crate) struct Account {
    /// Number of the last message, by the engine.
    seq: Option<u64>,
    /// The last news: which server, and which of its news.
    news: Option<(u64, u64)>,
    /// Times that each request was announced.
    announced: HashMap<u64, u32>,
    /// Where a server's news ended though it had more: to be compared with what it says of itself.
    ends: Vec<(u64, u64)>,
    /// Gaps that were declared.
    pub(crate) gaps: u64,
    /// What may not be.
    pub(crate) wrong: Vec<String>,
}

impl Account {
    /// A message came.
    pub(crate) fn message(&mut self, seq: Option<u64>) {
        let Some(seq) = seq else { return };
        if let Some(last) = self.seq
            && seq != last + 1
        {
            self.wrong.push(format!("message {seq} behind message {last}"));
        }
        self.seq = Some(seq);
    }

    /// What came before is lost, and that was said.
    pub(crate) fn gap(&mut self) {
        self.gaps += 1;
        self.seq = None;
        self.news = None;
    }

    /// News came.
    pub(crate) fn news(&mut self, epoch: u64, n: u64) {
        match self.news {
            Some((last_epoch, last)) if epoch == last_epoch && n == last + 1 => {}
            Some((last_epoch, last)) if epoch == last_epoch => self
                .wrong
                .push(format!("news {n} behind news {last} of server {epoch}")),
            Some((last_epoch, last)) => {
                self.ends.push((last_epoch, last));
                if epoch < last_epoch || n != 0 {
                    self.wrong.push(format!(
                        "news {n} of server {epoch} behind news {last} of server {last_epoch}"
                    ));
                }
            }
            None => {}
        }
        self.news = Some((epoch, n));
    }

    /// The server that the last news came from.
    pub(crate) fn epoch(&self) -> Option<u64> {
        self.news.map(|(epoch, _)| epoch)
    }

    /// A request was announced.
    pub(crate) fn announced(&mut self, n: u64) {
        *self.announced.entry(n).or_default() += 1;
    }

    /// Compares with what servers that ended as they should say of their last news. Their clients have all of it.
    pub(crate) fn compare_ends(&mut self, last: &HashMap<u64, u64>) {
        for (epoch, n) in &self.ends {
            if let Some(last) = last.get(epoch)
                && last != n
            {
                self.wrong.push(format!(
                    "the last news of server {epoch} was {last}, and {n} came"
                ));
            }
        }
    }

    /// A request was answered: it was announced once, and ran once.
    pub(crate) fn answered(&mut self, n: u64, ran: u32) {
        let announced = self.announced.get(&n).copied().unwrap_or(0);
        if ran != 1 || (announced != 1 && self.gaps == 0) || announced > 1 {
            self.wrong.push(format!(
                "request {n} ran {ran} times and was announced {announced} times"
            ));
        }
    }

    /// A request was cut off, and that was said: it ran once at most.
    pub(crate) fn cut_off(&mut self, n: u64, ran: u32) {
        let announced = self.announced.get(&n).copied().unwrap_or(0);
        if ran > 1 || announced > ran {
            self.wrong.push(format!(
                "request {n} was cut off, ran {ran} times and was announced {announced} times"
            ));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Account;
    use std::collections::HashMap;

    fn messages(account: &mut Account, numbers: [u64; 2]) {
        for seq in numbers {
            account.message(Some(seq));
        }
    }

    fn news(account: &mut Account, news: [(u64, u64); 2]) {
        for (epoch, n) in news {
            account.news(epoch, n);
        }
    }

    fn account(act: impl FnOnce(&mut Account)) -> usize {
        let mut account = Account::default();
        act(&mut account);
        account.wrong.len()
    }

    #[test]
    fn what_is_right_is_right() {
        let wrong = account(|account| {
            for seq in 1..5 {
                account.message(Some(seq));
                account.message(None);
            }
            account.news(0, 7);
            account.news(0, 8);
            account.news(1, 0);
            account.compare_ends(&HashMap::from([(0, 8)]));
            account.announced(3);
            account.answered(3, 1);
            account.cut_off(4, 0);
        });
        assert_eq!(wrong, 0);
    }

    #[test]
    fn a_declared_gap_is_none() {
        let wrong = account(|account| {
            account.message(Some(4));
            account.news(0, 7);
            account.gap();
            account.message(Some(1));
            account.news(0, 20);
        });
        assert_eq!(wrong, 0);
    }

    #[test]
    fn what_is_lost_twice_or_out_of_order_is_seen() {
        let cases: [fn(&mut Account); 9] = [
            |account| messages(account, [1, 3]),
            |account| messages(account, [1, 1]),
            |account| messages(account, [2, 1]),
            |account| news(account, [(0, 1), (0, 3)]),
            |account| news(account, [(0, 1), (1, 1)]),
            |account| {
                account.news(0, 1);
                account.news(1, 0);
                account.compare_ends(&HashMap::from([(0, 2)]));
            },
            |account| account.answered(1, 1),
            |account| {
                account.announced(1);
                account.answered(1, 2);
            },
            |account| account.cut_off(1, 2),
        ];
        for (at, case) in cases.into_iter().enumerate() {
            assert_eq!(account(case), 1, "case {at}");
        }
    }
}
