import Glibc

/// Four significant digits.
package func format(_ value: Double) -> String {
    guard value.isFinite, value != 0 else { return "\(value)" }
    let digits = max(0, 3 - Int(floor(log10(abs(value)))))
    guard digits < 9, abs(value) < 1e9 else { return "\(value)" }
    let scale = pow(10, Double(digits))
    return "\((value * scale).rounded() / scale)"
}

/// "1 rank", "2 ranks": a count and its noun, whose plural ends in s.
package func counted(_ count: Int, _ noun: String) -> String { "\(grouped(count)) \(noun)\(count == 1 ? "" : "s")" }

/// 12,345
package func grouped(_ value: Int) -> String {
    var text = ""
    for (index, digit) in String(value.magnitude).reversed().enumerated() {
        if index > 0 && index.isMultiple(of: 3) { text.append(",") }
        text.append(digit)
    }
    return (value < 0 ? "-" : "") + String(text.reversed())
}

/// 3h05m, 4m10s or 12s.
package func duration(_ seconds: Double) -> String {
    guard abs(seconds) < 1e9 else { return "unknown" }
    let whole = Int(seconds.rounded())
    let (hours, minutes, remainder) = (whole / 3600, whole / 60 % 60, whole % 60)
    func two(_ value: Int) -> String { value < 10 ? "0\(value)" : "\(value)" }
    if hours > 0 { return "\(hours)h\(two(minutes))m" }
    return minutes > 0 ? "\(minutes)m\(two(remainder))s" : "\(remainder)s"
}

/// A number of bytes in a suitable unit: "5.5 GiB".
package func byteCount(_ bytes: Double) -> String {
    let units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"]
    var value = bytes
    var unit = 0
    while value >= 1024, unit < units.count - 1 {
        value /= 1024
        unit += 1
    }
    return "\((value * 10).rounded() / 10) \(units[unit])"
}
