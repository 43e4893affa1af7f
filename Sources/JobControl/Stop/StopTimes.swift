package import Foundation
import System

/// When a leg is to be over, as its user said.
package struct StopTimes: Sendable, Equatable {
    /// `--max-time`, on the clock of `secondsNow`.
    package var maxTime: Double?
    /// `--stop-at`, on the same clock.
    package var stopAt: Double?

    package init(maxTime: Double? = nil, stopAt: Double? = nil) {
        self.maxTime = maxTime
        self.stopAt = stopAt
    }

    /// Seconds of `3h50m`, `2d`, `90m` or `1h30m10s`; nil for anything else.
    package static func seconds(_ text: String) -> Double? {
        let units: [(Character, Double)] = [("d", 86_400), ("h", 3600), ("m", 60), ("s", 1)]
        var next = 0
        var total = 0.0
        var digits = ""
        for character in text {
            if character.isASCII, character.isNumber {
                digits.append(character)
                continue
            }
            guard let unit = units[next...].firstIndex(where: { $0.0 == character }), digits.count < 10,
                let count = Double(digits)
            else { return nil }
            total += count * units[unit].1
            next = unit + 1
            digits = ""
        }
        return digits.isEmpty && total > 0 ? total : nil
    }

    /// A moment given as `2026-11-27T18:00`, with seconds or a zone if wanted (else this machine's), or as `18:00`: the next one.
    /// nil for anything else.
    package static func moment(_ text: String, after now: Date = Date(), in zone: TimeZone = .current) -> Date? {
        let formatter = DateFormatter()
        formatter.locale = Locale(identifier: "en_US_POSIX")
        formatter.timeZone = zone
        formatter.isLenient = false
        for format in [
            "yyyy-MM-dd'T'HH:mm", "yyyy-MM-dd'T'HH:mm:ss", "yyyy-MM-dd'T'HH:mmXXXXX", "yyyy-MM-dd'T'HH:mm:ssXXXXX",
        ] {
            formatter.dateFormat = format
            if let date = formatter.date(from: text) { return date }
        }
        var calendar = Calendar(identifier: .gregorian)
        calendar.timeZone = zone
        for format in ["HH:mm", "HH:mm:ss"] {
            formatter.dateFormat = format
            guard let time = formatter.date(from: text) else { continue }
            let parts = calendar.dateComponents([.hour, .minute, .second], from: time)
            return calendar.nextDate(after: now, matching: parts, matchingPolicy: .nextTime)
        }
        return nil
    }
}
