import Sequences
import TestSupport
import Testing

@Suite(".ts files")
struct TSReaderTests {
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    private func read(_ text: String) throws -> SequenceTable { try TSReader.read(text, in: folder) }

    @Test("channels between colons, values between commas, the label at the end; comments and empty lines are skipped")
    func values() throws {
        let table = try read(
            """
            # a comment
            @problemName Made up
            @classLabel true no yes

            @data
            1,2.5,-3e1:4,5,6:yes
            # another
            7:?:no
             8 , NaN : 9 , .5 : no
            """)
        #expect(table.channels == 2 && table.count == 3)
        #expect((0..<3).map { table.length(of: $0) } == [3, 1, 2])
        let expected: [Float] = [1, 4, 2.5, 5, -30, 6, 7, .nan, 8, 9, .nan, 0.5]
        #expect(table.values.count == expected.count)
        #expect(zip(table.values, expected).allSatisfy { $0 == $1 || $0.isNaN && $1.isNaN })
        #expect(table.labels.map(\.ofSequence) == ["yes", "no", "no"])
        #expect(table.notes.isEmpty)
    }

    @Test("a byte order mark and CRLF lines don't matter; without @classLabel true there are no labels")
    func notations() throws {
        let table = try read("\u{FEFF}@classLabel false\r\n@DATA\r\n1,2\r\n3\r\n")
        #expect(table.channels == 1 && table.values == [1, 2, 3] && table.labels.map(\.ofSequence) == [nil, nil])
    }

    @Test("where header and data differ, the data count, and a note says so")
    func header() throws {
        let table = try read(
            """
            @univariate true
            @dimensions 3
            @equalLength true
            @seriesLength 9
            @missing false
            @classLabel true a b
            @data
            1,2:3,4:a
            1:?:b
            """)
        #expect(table.channels == 2 && table.count == 2)
        let path = folder.file("a.ts")
        #expect(
            table.notes == [
                "\(path): the header says @dimensions 3, the data have 2 channels",
                "\(path): the header says @univariate true, the data have 2 channels",
                "\(path): the header says @equalLength true, the data have 1 to 2 time steps",
                "\(path): the header says @seriesLength 9, the data have 1 to 2 time steps",
                "\(path): the header says @missing false, the data have missing values",
            ])
    }

    @Test(
        "an error names file, line, column, what was found and what is accepted",
        arguments: [
            (
                "@classLabel true a\n1:a\n",
                ", line 2, column 1: found \"1:a\"; accepted: a header line, which begins with @, before the line @data"
            ),
            ("@classLabel true a\n", ": found no line @data; accepted: a .ts file: header lines, then @data"),
            ("@classLabel true a\n@data\n# 1:a\n", ": found no sequence after @data; accepted: at least one"),
            ("@timeStamps true\n@data\n1\n", ", line 1: found @timeStamps true; accepted: series without time stamps"),
            (
                "@data\n1,x2\n",
                ", line 2, column 3: found \"x2\"; accepted: a decimal number in the range of Float, or ? or NaN for a missing value"
            ),
            (
                "@data\n1,,2\n",
                ", line 2, column 3: found no value; accepted: a decimal number in the range of Float, or ? or NaN for a missing value"
            ),
            (
                "@data\n1,1e99\n",
                ", line 2, column 3: found \"1e99\"; accepted: a decimal number in the range of Float, or ? or NaN for a missing value"
            ),
            (
                "@data\n0x10\n",
                ", line 2, column 1: found \"0x10\"; accepted: a decimal number in the range of Float, or ? or NaN for a missing value"
            ),
            (
                "@data\n1,2\u{7}\n",
                ", line 2, column 3: found \"2\\u{7}\"; accepted: a decimal number in the range of Float, or ? or NaN for a missing value"
            ),
            ("@data\n1,2:3\n", ", line 2, column 5: found 1 value in channel 2; accepted: 2, as in channel 1"),
            (
                "@classLabel true a\n@data\n1:2:a\n1:a\n",
                ", line 4: found 1 channel; accepted: 2, as in the first sequence (a.ts, line 3)"
            ),
            (
                "@classLabel true a\n@data\na\n",
                ", line 3: found a label alone; accepted: channels, then a colon and the label"
            ),
            (
                "@classLabel true a\n@data\n1: \n",
                ", line 3, column 3: found no label; accepted: a label after the last colon, as @classLabel true says"
            ),
        ])
    func errors(text: String, message: String) throws {
        #expect(errorText(in: folder) { _ = try read(text) } == "a.ts" + message)
    }
}
