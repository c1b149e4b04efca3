//! Moments of a database's clock, milliseconds since 1970, as people and programs read them: always UTC.

/// `2026-11-21T02:28:34.123Z`, in RFC 3339's form.
pub fn rfc3339(ms: i64) -> String {
    let (year, month, day, second) = parts(ms);
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{:03}Z", ms.rem_euclid(1000))
}

/// `2026-11-21 02:28:34`, for tables that say elsewhere that it is UTC.
pub fn plain(ms: i64) -> String {
    let (year, month, day, second) = parts(ms);
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}")
}

/// The moment that 17 digits name, `yyyymmddHHMMSS` and milliseconds; none if they name none.
pub fn milliseconds(digits: &str) -> Option<i64> {
    let number = |from: usize, to: usize| digits.get(from..to)?.parse::<i64>().ok();
    let (year, month, day) = (number(0, 4)?, number(4, 6)?, number(6, 8)?);
    let (hour, minute, second, ms) = (number(8, 10)?, number(10, 12)?, number(12, 14)?, number(14, 17)?);
    if !(1..=12).contains(&month) || !(1..=31).contains(&day) || hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    // years that begin in March have their leap day at the end
    let (year, month) = if month < 3 { (year - 1, month + 9) } else { (year, month - 3) };
    let days = year * 365 + year.div_euclid(4) - year.div_euclid(100)
        + year.div_euclid(400)
        + (153 * month + 2) / 5
        + day;
    Some((((days - 719_469) * 24 + hour) * 60 + minute) * 60_000 + second * 1000 + ms)
}

/// Year, month, day, and the second of that day.
fn parts(ms: i64) -> (i64, i64, i64, i64) {
    let seconds = ms.div_euclid(1000);
    let (mut days, second) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    // 400 years have the same number of days, wherever they begin
    let era = days.div_euclid(146_097);
    days = days.rem_euclid(146_097);
    let mut year = 1970;
    loop {
        let length = if is_leap(year) { 366 } else { 365 };
        if days < length {
            break;
        }
        days -= length;
        year += 1;
    }
    let mut month = 1;
    for length in [31, if is_leap(year) { 29 } else { 28 }, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31] {
        if days < length {
            break;
        }
        days -= length;
        month += 1;
    }
    (year + era * 400, month, days + 1, second)
}

fn is_leap(year: i64) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_read_as_calendars_have_them() {
        // date -u -d @N
        for (ms, text) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (951_782_400_123, "2000-02-29T00:00:00.123Z"),
            (1_709_251_199_999, "2024-02-29T23:59:59.999Z"),
            (1_700_000_000_000, "2023-11-14T22:13:20.000Z"),
            (4_102_444_800_000, "2100-01-01T00:00:00.000Z"),
            (-1, "1969-12-31T23:59:59.999Z"),
            (-11_670_998_400_000, "1600-02-29T00:00:00.000Z"),
        ] {
            assert_eq!(rfc3339(ms), text);
        }
        assert_eq!(plain(1_700_000_000_000), "2023-11-14 22:13:20");
    }

    #[test]
    fn digits_are_read_as_they_are_written() {
        for ms in
            [0, 951_782_400_123, 1_709_251_199_999, 1_700_000_000_000, 4_102_444_800_000, 1_709_164_800_000]
        {
            let digits: String = rfc3339(ms).chars().filter(char::is_ascii_digit).collect();
            assert_eq!(milliseconds(&digits), Some(ms), "{digits}");
        }
        for odd in [
            "",
            "20241301000000000",
            "20240001000000000",
            "20240100000000000",
            "20240101240000000",
            "2024010100000000",
            "a0240101000000000",
        ] {
            assert_eq!(milliseconds(odd), None, "{odd}");
        }
    }

    #[test]
    fn no_number_is_too_odd() {
        for ms in [i64::MIN, i64::MAX, i64::MIN + 1, -62_135_596_800_001] {
            assert!(rfc3339(ms).ends_with('Z'));
        }
    }
}
