import Benchmarks
import Testing

@Suite("Repeated measurements")
struct SpreadTests {
    @Test("the median of an odd and of an even number, the least and the greatest")
    func figures() {
        let odd = Spread([3, 1, 20])
        #expect((odd.median, odd.least, odd.greatest) == (3, 1, 20))
        let even = Spread([4, 1, 20, 3])
        #expect((even.median, even.least, even.greatest) == (3.5, 1, 20))
        #expect(Spread([5]).median == 5)
    }

    @Test("half of the values are between the quartiles")
    func quartiles() {
        #expect(Spread([9, 1, 5, 3, 7]).quartiles == (3, 7))
        #expect(Spread([8, 6, 1, 2, 3, 7, 4, 5]).quartiles == (2, 7))
        #expect(Spread([5]).quartiles == (5, 5))
    }
}
