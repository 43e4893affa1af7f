// The outputs of a scaling measurement, from figures made by hand.

import Benchmarks
import FileFormats
import Foundation
import Testing

@Suite("The report of a scaling measurement")
struct ScalingResultTests {
    private func row(
        _ mode: ScalingResult.Mode, _ ranks: Int, _ tokens: [Double], sideBySide: [Double]? = nil
    ) -> ScalingResult.Row {
        let median = Spread(tokens).median
        return ScalingResult.Row(
            mode: mode, ranks: ranks, batch: 8 * ranks, tokensPerSecond: Spread(tokens), speedup: median / 1000,
            flopsPerRank: 5e10 * median / 1000 / Double(ranks), ofPeak: mode == .strong && ranks == 1 ? nil : 0.4,
            steps: 20, quietSteps: mode == .strong && ranks == 1 ? 0 : 12,
            split: StepSplit(compute: 0.5, averaging: 0.25, waiting: 0.125, update: 0.0625),
            sideBySide: sideBySide.map { Spread($0) },
            ofSideBySide: sideBySide.map { apart in Spread(zip(tokens, apart).map { $0 / $1 }) })
    }

    private var result: ScalingResult {
        ScalingResult(
            title: "a <b> & c",
            rows: [
                row(.strong, 1, [1000]), row(.strong, 2, [1500, 1700, 1600], sideBySide: [2000, 2000, 2000]),
                row(.weak, 1, [1000]), row(.weak, 2, [1800, 1900, 1850], sideBySide: [2000, 1900, 1900]),
            ],
            memory: [(1, 1e10), (2, 1.5e10)], peakFlops: 1e11)
    }

    @Test("CSV has the names of JSON's rows, one line for each row, and empty fields where nothing was measured")
    func csv() throws {
        let lines = result.csv.split(separator: "\n").map { $0.split(separator: ",", omittingEmptySubsequences: false) }
        let names = try #require(result.json["rows"]?.arrayValue?.first?.members).map(\.key)
        #expect(lines[0].map(String.init) == names)
        #expect(lines.count == 5)
        #expect(lines.allSatisfy { $0.count == names.count })
        #expect(lines[2].prefix(7).joined(separator: ",") == "strong,2,16,1600.0,1500.0,1700.0,1.6")
        let apart = try #require(names.firstIndex(of: "side_by_side_tokens_per_second"))
        #expect(lines[1][apart] == "")
        #expect(lines[2][apart] == "2000.0")
    }

    @Test("efficiency is speed-up divided by ranks, and ratios are computed turn by turn")
    func ratios() throws {
        let rows = try #require(result.json["rows"]?.arrayValue)
        #expect(rows[1]["efficiency"]?.numberValue == 0.8)
        #expect(rows[1]["of_peak"]?.numberValue == 0.4)
        #expect(rows[3]["of_side_by_side"]?.numberValue == 1850.0 / 1900)
        #expect(rows[3]["of_side_by_side_min"]?.numberValue == 0.9)
        #expect(rows[3]["memory_gb_per_s"]?.numberValue == 15)
    }

    @Test("quiet steps are counted, and a row without one has no fraction of the peak")
    func quiet() throws {
        let rows = try #require(result.json["rows"]?.arrayValue)
        #expect(rows[0]["of_peak"] == .null && rows[0]["quiet_steps"]?.integerValue == 0)
        #expect(rows[1]["quiet_steps"]?.integerValue == 12 && rows[1]["steps"]?.integerValue == 20)
        #expect(result.lines.contains("quiet steps: 36 of 80; of peak counts only those"))
        let cells = result.lines.filter { $0.hasPrefix("strong") }.map { $0.split(separator: "  ") }
        #expect(cells.map { $0[7].trimmingCharacters(in: .whitespaces) } == ["-", "0.4"])
    }

    @Test("the last line is the best figure of weak scaling, and the line before names its row")
    func figureOfMerit() {
        #expect(
            result.lines.suffix(2) == ["best of weak scaling: 2 ranks, batch 16", "FOM tokens_per_second = 1850.0"])
    }

    @Test("the plot is well-formed XML, its axis ends at the peak of all cores, and both axes are labelled")
    func plot() throws {
        let svg = ScalingPlot(result).svg
        let parser = SVGReader()
        try parser.read(svg)
        #expect(parser.names.first == "svg")
        #expect(parser.texts.contains("a <b> & c"))
        for text in ["ranks", "GFLOP/s, all ranks together", "weak scaling", "strong, side by side", "200"] {
            #expect(parser.texts.contains(text), "\(text)")
        }
        // The tick of 200 GFLOP/s, the peak of two cores, is at the top of the vertical axis.
        #expect(svg.contains("<line x1=\"75.0\" y1=\"50.0\" x2=\"80.0\" y2=\"50.0\""))
        // 1,850 tokens/s on 2 ranks are 92.5 of 200 GFLOP/s, at the right end.
        let height = 420 - 370 * 92.5 / 200
        #expect(svg.contains("<circle cx=\"560.0\" cy=\"\((height * 100).rounded() / 100)\""))
    }
}

/// Walks an SVG document and keeps its texts and points.
final class SVGReader {
    private(set) var names: [String] = []
    private(set) var texts: [String] = []

    struct Malformed: Error {
        let place: String
    }

    /// A parser for the subset that the plot uses: elements, attributes in double quotes, text, three entities.
    func read(_ text: String) throws {
        var remainder = Substring(text)
        var open: [Substring] = []
        while let start = remainder.firstIndex(of: "<") {
            let content = remainder[..<start]
            guard !content.contains(where: { $0 == ">" }), let end = remainder[start...].firstIndex(of: ">") else {
                throw Malformed(place: String(remainder.prefix(80)))
            }
            if !content.allSatisfy(\.isWhitespace) { texts.append(try plain(content)) }
            let tag = remainder[remainder.index(after: start)..<end]
            remainder = remainder[remainder.index(after: end)...]
            if tag.hasPrefix("/") {
                guard open.popLast() == tag.dropFirst() else { throw Malformed(place: String(tag)) }
                continue
            }
            let isEmpty = tag.hasSuffix("/")
            guard let match = tag.wholeMatch(of: /([a-z]+)(?: [a-zA-Z0-9:-]+="[^"<&]*")*\/?/) else {
                throw Malformed(place: String(tag))
            }
            names.append(String(match.1))
            if !isEmpty { open.append(match.1) }
        }
        guard open.isEmpty, remainder.allSatisfy(\.isWhitespace) else { throw Malformed(place: "the end") }
    }

    private func plain(_ text: Substring) throws -> String {
        let replaced = text.replacing("&lt;", with: "<").replacing("&gt;", with: ">")
        guard replaced.matches(of: /&/).count == replaced.matches(of: /&amp;/).count else {
            throw Malformed(place: String(text))
        }
        return String(replaced.replacing("&amp;", with: "&"))
    }
}
