//! How long we may take: what the user gives, what the platform lets us have, and a line when most of it is over.

use std::convert::Infallible;
use std::future::pending;
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use crate::job::milliseconds;
use crate::model::event::Event;
use crate::platform::Identity;
use crate::report::{Report, words};

/// Shorter ones are over before anybody could act on a line.
const WORTH_A_LINE: Duration = Duration::from_secs(60);

/// The budget; says so where it is less than what the user gave.
pub fn budget(given: Option<Duration>, identity: &Identity, report: &dyn Report) -> Duration {
    let budget = identity.budget(given);
    if let Some(given) = given.filter(|given| *given > budget) {
        let said = |time: Duration| words::duration(milliseconds(time));
        let message = format!(
            "{} of the {} that are given as the timeout: {} ends us soon after that in any case, and then nobody hears why",
            said(budget),
            said(given),
            identity.platform
        );
        report.event(&Event::Warning { message });
    }
    budget
}

/// Says that four fifths of the budget are over, when they are. Never returns.
pub async fn say_when_short(began: Instant, budget: Duration, report: &dyn Report) -> Infallible {
    if budget >= WORTH_A_LINE {
        let left = budget / 5;
        sleep_until(began + budget.saturating_sub(left)).await;
        let said = |time: Duration| words::duration(milliseconds(time));
        let message = format!(
            "four fifths of our time are over: in {} of {} this ends, whatever is not done (--timeout)",
            said(left),
            said(budget)
        );
        report.event(&Event::Warning { message });
    }
    pending().await
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    #[derive(Default)]
    struct Heard(Mutex<Vec<String>>);

    impl Report for Heard {
        fn event(&self, event: &Event) {
            if let Event::Warning { message } = event {
                self.0.lock().unwrap().push(message.clone());
            }
        }
        fn output(&self, _: &[u8]) {}
        fn finish(&self) {}
    }

    /// What is said within so many seconds of a budget that began a second ago.
    async fn said_within(seconds: u64, budget: u64) -> Vec<String> {
        let heard = Heard::default();
        let began = Instant::now() - Duration::from_secs(1);
        let line = say_when_short(began, Duration::from_secs(budget), &heard);
        assert!(tokio::time::timeout(Duration::from_secs(seconds), line).await.is_err());
        heard.0.into_inner().unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn a_line_is_said_once_when_four_fifths_are_over() {
        assert!(said_within(2398, 3000).await.is_empty());
        let said = said_within(5000, 3000).await;
        assert_eq!(said.len(), 1, "{said:?}");
        assert!(said[0].contains("in 10 min of 50 min"), "{said:?}");
        assert!(said_within(100, 59).await.is_empty());
    }

    #[test]
    fn less_than_what_is_given_is_said() {
        let limited = |given: Option<u64>| {
            let identity =
                crate::platform::identify(&|name| (name == "DYNO").then(|| "release.1".to_owned()));
            let heard = Heard::default();
            (
                budget(given.map(Duration::from_secs), &identity, &heard).as_secs(),
                heard.0.into_inner().unwrap(),
            )
        };
        assert_eq!(limited(None), (3000, vec![]));
        assert_eq!(limited(Some(3510)), (3510, vec![]));
        let (budget, said) = limited(Some(7200));
        assert_eq!((budget, said.len()), (3510, 1));
        assert!(said[0].contains("58 min 30 s of the 2 h") && said[0].contains("heroku"), "{said:?}");
    }
}
