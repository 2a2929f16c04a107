/// What a column of random values looks like.
enum ColumnShape: CaseIterable {
    case constant, counter, counterOfMultiples, counterWithResets, gaugeOfIntegers, gaugeOfDecimals, money
    case ratio, fewValues, powersOfTwo, largeIntegers, bitsOfAnything, onlySpecials, nearTheBorders

    /// Values that are easily lost: payloads of NaNs, a signalling NaN, -0, infinities, denormals, borders of
    /// 2^53 and 2^63.
    static let specials: [UInt64] = [
        0x7ff0_0000_0000_0002, 0x7ff8_0000_0000_0001, 0x7ff8_0000_0000_0000, 0x8000_0000_0000_0000, 0,
        0x7ff0_0000_0000_0000, 0xfff0_0000_0000_0000, 1, 0x000f_ffff_ffff_ffff, 0x8000_0000_0000_0001,
        0x7fef_ffff_ffff_ffff, 0xffef_ffff_ffff_ffff, 0x0010_0000_0000_0000, 0x7ff0_dead_0000_beef,
        0xfff8_0000_0000_0123, 0x43f0_0000_0000_0000, 0x43e0_0000_0000_0000, 0xc3e0_0000_0000_0000,
        0x4340_0000_0000_0001, 0x4340_0000_0000_0000, 0x433f_ffff_ffff_ffff, 0xc340_0000_0000_0000,
        0x43df_ffff_ffff_ffff, 0xffff_ffff_ffff_ffff, 0x3fb9_9999_9999_999a, 0x3fd3_3333_3333_3334,
        0x43cf_d6f0_4d3a_0000, 0xfff0_0000_0000_0001,
    ]

    /// The bits of `count` values; now and then a special one is among them.
    func bits(count: Int, using random: inout SeededGenerator) -> [UInt64] {
        let rarity = [17, 200, 1000, Int.max][random.below(4)]
        var state = Double(random.below(1_000_000))
        return (0..<count).map { _ in
            if self != .constant, random.below(rarity) == 0 {
                return Self.specials[random.below(Self.specials.count)]
            }
            return next(&state, using: &random).bitPattern
        }
    }

    private func next(_ state: inout Double, using random: inout SeededGenerator) -> Double {
        switch self {
        case .constant: break
        case .counter: state += Double(random.below(100))
        case .counterOfMultiples: state += Double(4096 * random.below(9))
        case .counterWithResets: state = random.below(50) == 0 ? 0 : state + Double(random.below(1000))
        case .gaugeOfIntegers: state += Double(random.below(21) - 10)
        case .gaugeOfDecimals: return Double(random.below(1_000_000)) / 1000
        case .money: return Double(random.below(100_000_000) - 50_000_000) / 100
        case .ratio: return Double(random.below(50)) / Double(1 + random.below(300))
        case .fewValues: return Double(random.below(3)) * 0.1
        case .powersOfTwo:
            let exponent = UInt64(random.below(2047)) << 52
            return Double(bitPattern: exponent)
        case .largeIntegers: return Double(Int64(bitPattern: random.next()))
        case .bitsOfAnything: return Double(bitPattern: random.next())
        case .onlySpecials: return Double(bitPattern: Self.specials[random.below(Self.specials.count)])
        case .nearTheBorders:
            let border = [0x4340_0000_0000_0000, 0x43e0_0000_0000_0000, 0x4330_0000_0000_0000][
                random.below(3)
            ]
            let sign = random.next() & (1 << 63)
            return Double(bitPattern: UInt64(border + random.below(9) - 4) | sign)
        }
        return state
    }
}
