/// A scaling measurement as a plot: GFLOP/s of all ranks against rank counts. The top of its axis is the peak of the
/// largest measured number of cores, so that the distance to peak is visible.
package struct ScalingPlot {
    private let result: ScalingResult
    private let ranks: Int
    private let top: Double

    // In SVG units: the drawing's size and the margins around the plot area.
    private let width = 760.0
    private let height = 480.0
    private let left = 80.0
    private let right = 200.0
    private let above = 50.0
    private let below = 60.0

    private struct Curve {
        let name: String
        let colour: String
        let isDashed: Bool
        /// GFLOP/s of all ranks: median, least and greatest.
        var points: [(ranks: Int, median: Double, least: Double, greatest: Double)] = []
    }

    package init(_ result: ScalingResult) {
        self.result = result
        ranks = result.rows.map(\.ranks).reduce(1, max)
        top = result.peakFlops / 1e9 * Double(ranks)
    }

    /// One self-contained SVG document.
    package var svg: String {
        var parts = [
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 \(Int(width)) \(Int(height))\" "
                + "font-family=\"sans-serif\" font-size=\"12\">",
            "<title>Scaling of lstm-dist: \(escaped(result.title))</title>",
            "<rect width=\"100%\" height=\"100%\" fill=\"white\"/>",
            text(left, 28, escaped(result.title), size: 14),
        ]
        parts += axes + peak
        for (number, curve) in curves.enumerated() { parts += draw(curve, number) }
        return parts.joined(separator: "\n") + "\n</svg>\n"
    }

    // MARK: coordinates

    private func x(_ ranks: Double) -> Double { left + (width - left - right) * ranks / Double(self.ranks) }
    private func y(_ gigaflops: Double) -> Double { height - below - (height - above - below) * gigaflops / top }

    /// At most two decimals: a browser draws no finer.
    private func n(_ value: Double) -> String { "\((value * 100).rounded() / 100)" }

    private func escaped(_ text: String) -> String {
        text.replacing("&", with: "&amp;").replacing("<", with: "&lt;").replacing(">", with: "&gt;")
    }

    private func text(_ x: Double, _ y: Double, _ text: String, size: Int = 12, anchor: String = "start") -> String {
        "<text x=\"\(n(x))\" y=\"\(n(y))\" font-size=\"\(size)\" text-anchor=\"\(anchor)\">\(text)</text>"
    }

    private func line(_ from: (Double, Double), _ to: (Double, Double), _ colour: String, _ more: String = "") -> String
    {
        "<line x1=\"\(n(from.0))\" y1=\"\(n(from.1))\" x2=\"\(n(to.0))\" y2=\"\(n(to.1))\" stroke=\"\(colour)\"\(more)/>"
    }

    // MARK: parts

    private var axes: [String] {
        var parts = [
            line((x(0), y(0)), (x(Double(ranks)), y(0)), "black"), line((x(0), y(0)), (x(0), y(top)), "black"),
            text((x(0) + x(Double(ranks))) / 2, height - 18, "ranks", anchor: "middle"),
            "<text transform=\"translate(20 \(n((y(0) + y(top)) / 2))) rotate(-90)\" text-anchor=\"middle\">"
                + "GFLOP/s, all ranks together</text>",
        ]
        for count in Set(result.rows.map(\.ranks)).sorted() {
            let position = x(Double(count))
            parts.append(line((position, y(0)), (position, y(0) + 5), "black"))
            parts.append(text(position, y(0) + 19, "\(count)", anchor: "middle"))
        }
        for value in stride(from: 0, through: top, by: tickDistance) {
            parts.append(line((left - 5, y(value)), (left, y(value)), "black"))
            parts.append(line((left, y(value)), (x(Double(ranks)), y(value)), "#e5e5e5"))
            parts.append(text(left - 9, y(value) + 4, "\(Int(value))", anchor: "end"))
        }
        return parts
    }

    /// The distance of axis ticks: 1, 2 or 5 times a power of ten, so that there are at most ten; never below 1.
    private var tickDistance: Double {
        var decade = 1.0
        while true {
            for step in [1.0, 2, 5] where step * decade * 10 >= top { return step * decade }
            decade *= 10
        }
    }

    private var peak: [String] {
        [
            line((x(0), y(0)), (x(Double(ranks)), y(top)), "#888888", " stroke-width=\"2\""),
            text(x(Double(ranks)) + 8, y(top) + 4, "peak of the cores"),
        ]
    }

    private var curves: [Curve] {
        var curves: [Curve] = []
        for (mode, colour) in [(ScalingResult.Mode.weak, "#0072b2"), (.strong, "#d55e00")] {
            let rows = result.rows.filter { $0.mode == mode }
            var together = Curve(name: "\(mode.rawValue) scaling", colour: colour, isDashed: false)
            var apart = Curve(name: "\(mode.rawValue), side by side", colour: colour, isDashed: true)
            for row in rows {
                let unit = row.flopsPerRank * Double(row.ranks) / row.tokensPerSecond.median / 1e9
                func point(_ spread: Spread) -> (Int, Double, Double, Double) {
                    (row.ranks, unit * spread.median, unit * spread.least, unit * spread.greatest)
                }
                together.points.append(point(row.tokensPerSecond))
                apart.points.append(point(row.sideBySide ?? row.tokensPerSecond))
            }
            curves += [apart, together]
        }
        return curves
    }

    private func draw(_ curve: Curve, _ number: Int) -> [String] {
        let dashes = curve.isDashed ? " stroke-dasharray=\"5 4\"" : ""
        let points = curve.points.map { "\(n(x(Double($0.ranks)))),\(n(y($0.median)))" }.joined(separator: " ")
        var parts = [
            "<polyline points=\"\(points)\" fill=\"none\" stroke=\"\(curve.colour)\" stroke-width=\"2\"\(dashes)/>"
        ]
        for point in curve.points where !curve.isDashed {
            let position = x(Double(point.ranks))
            parts.append(line((position, y(point.least)), (position, y(point.greatest)), curve.colour))
            parts.append(
                "<circle cx=\"\(n(position))\" cy=\"\(n(y(point.median)))\" r=\"4\" fill=\"\(curve.colour)\"/>")
        }
        let (start, row) = (x(Double(ranks)) + 20, y(0) - 90 + 20 * Double(number))
        parts.append(line((start, row), (start + 28, row), curve.colour, " stroke-width=\"2\"\(dashes)"))
        parts.append(text(start + 36, row + 4, curve.name))
        return parts
    }
}
