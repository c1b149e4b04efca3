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
    fn no_number_is_too_odd() {
        for ms in [i64::MIN, i64::MAX, i64::MIN + 1, -62_135_596_800_001] {
            assert!(rfc3339(ms).ends_with('Z'));
        }
    }
}
