/// The bounds of exponential buckets.
package enum ExponentialBounds {
    /// 2^(index * 2^-schema); the bucket that would end at infinity ends at the largest number.
    package static func upper(_ index: Int64, _ schema: Int32) -> Double {
        if schema <= 0 {
            return power(1, index << Int64(-schema))
        }
        let perOctave = Int64(1) << Int64(schema)
        let fraction = fractions[Int((index & (perOctave - 1)) << Int64(8 - schema))]
        return power(fraction, index >> Int64(schema))
    }

    private static func power(_ fraction: Double, _ exponent: Int64) -> Double {
        if fraction == 1, exponent == 1024 { return .greatestFiniteMagnitude }
        let exponent = Int(max(-3000, min(3000, exponent)))
        return Double(sign: .plus, exponent: exponent, significand: fraction)
    }

    /// The powers 2^(k / 256) for k below 256.
    private static let fractions: [Double] = [
        1, 0x1.00b1afa5abcbfp0, 0x1.0163da9fb3335p0, 0x1.02168143b0281p0,
        0x1.02c9a3e778061p0, 0x1.037d42e11bbccp0, 0x1.04315e86e7f85p0, 0x1.04e5f72f654b1p0,
        0x1.059b0d3158574p0, 0x1.0650a0e3c1f89p0, 0x1.0706b29ddf6dep0, 0x1.07bd42b72a836p0,
        0x1.0874518759bc8p0, 0x1.092bdf66607ep0, 0x1.09e3ecac6f383p0, 0x1.0a9c79b1f3919p0,
        0x1.0b5586cf9890fp0, 0x1.0c0f145e46c85p0, 0x1.0cc922b7247f7p0, 0x1.0d83b23395decp0,
        0x1.0e3ec32d3d1a2p0, 0x1.0efa55fdfa9c5p0, 0x1.0fb66affed31bp0, 0x1.1073028d7233ep0,
        0x1.11301d0125b51p0, 0x1.11edbab5e2ab6p0, 0x1.12abdc06c31ccp0, 0x1.136a814f204abp0,
        0x1.1429aaea92dep0, 0x1.14e95934f312ep0, 0x1.15a98c8a58e51p0, 0x1.166a45471c3c2p0,
        0x1.172b83c7d517bp0, 0x1.17ed48695bbcp0, 0x1.18af9388c8deap0, 0x1.1972658375d2fp0,
        0x1.1a35beb6fcb75p0, 0x1.1af99f8138a1cp0, 0x1.1bbe084045cd4p0, 0x1.1c82f95281c6bp0,
        0x1.1d4873168b9aap0, 0x1.1e0e75eb44027p0, 0x1.1ed5022fcd91dp0, 0x1.1f9c18438ce4dp0,
        0x1.2063b88628cd6p0, 0x1.212be3578a819p0, 0x1.21f49917ddc96p0, 0x1.22bdda27912d1p0,
        0x1.2387a6e756238p0, 0x1.2451ffb82140ap0, 0x1.251ce4fb2a63fp0, 0x1.25e85711ece75p0,
        0x1.26b4565e27cddp0, 0x1.2780e341ddf29p0, 0x1.284dfe1f56381p0, 0x1.291ba7591bb7p0,
        0x1.29e9df51fdee1p0, 0x1.2ab8a66d10f13p0, 0x1.2b87fd0dad99p0, 0x1.2c57e39771b2fp0,
        0x1.2d285a6e4030bp0, 0x1.2df961f641589p0, 0x1.2ecafa93e2f56p0, 0x1.2f9d24abd886bp0,
        0x1.306fe0a31b715p0, 0x1.31432edeeb2fdp0, 0x1.32170fc4cd831p0, 0x1.32eb83ba8ea32p0,
        0x1.33c08b26416ffp0, 0x1.3496266e3fa2dp0, 0x1.356c55f929ff1p0, 0x1.36431a2de883bp0,
        0x1.371a7373aa9cbp0, 0x1.37f26231e754ap0, 0x1.38cae6d05d866p0, 0x1.39a401b7140efp0,
        0x1.3a7db34e59ff7p0, 0x1.3b57fbfec6cf4p0, 0x1.3c32dc313a8e5p0, 0x1.3d0e544ede173p0,
        0x1.3dea64c123422p0, 0x1.3ec70df1c5175p0, 0x1.3fa4504ac801cp0, 0x1.40822c367a024p0,
        0x1.4160a21f72e2ap0, 0x1.423fb2709468ap0, 0x1.431f5d950a897p0, 0x1.43ffa3f84b9d4p0,
        0x1.44e086061892dp0, 0x1.45c2042a7d232p0, 0x1.46a41ed1d0057p0, 0x1.4786d668b3237p0,
        0x1.486a2b5c13cdp0, 0x1.494e1e192aed2p0, 0x1.4a32af0d7d3dep0, 0x1.4b17dea6db7d7p0,
        0x1.4bfdad5362a27p0, 0x1.4ce41b817c114p0, 0x1.4dcb299fddd0dp0, 0x1.4eb2d81d8abffp0,
        0x1.4f9b2769d2ca7p0, 0x1.508417f4531eep0, 0x1.516daa2cf6642p0, 0x1.5257de83f4eefp0,
        0x1.5342b569d4f82p0, 0x1.542e2f4f6ad27p0, 0x1.551a4ca5d920fp0, 0x1.56070dde910d2p0,
        0x1.56f4736b527dap0, 0x1.57e27dbe2c4cfp0, 0x1.58d12d497c7fdp0, 0x1.59c0827ff07ccp0,
        0x1.5ab07dd485429p0, 0x1.5ba11fba87a03p0, 0x1.5c9268a5946b7p0, 0x1.5d84590998b93p0,
        0x1.5e76f15ad2148p0, 0x1.5f6a320dceb71p0, 0x1.605e1b976dc09p0, 0x1.6152ae6cdf6f4p0,
        0x1.6247eb03a5585p0, 0x1.633dd1d1929fdp0, 0x1.6434634ccc32p0, 0x1.652b9febc8fb7p0,
        0x1.6623882552225p0, 0x1.671c1c70833f6p0, 0x1.68155d44ca973p0, 0x1.690f4b19e9538p0,
        0x1.6a09e667f3bcdp0, 0x1.6b052fa75173ep0, 0x1.6c012750bdabfp0, 0x1.6cfdcddd47645p0,
        0x1.6dfb23c651a2fp0, 0x1.6ef9298593ae5p0, 0x1.6ff7df9519484p0, 0x1.70f7466f42e87p0,
        0x1.71f75e8ec5f74p0, 0x1.72f8286ead08ap0, 0x1.73f9a48a58174p0, 0x1.74fbd35d7cbfdp0,
        0x1.75feb564267c9p0, 0x1.77024b1ab6e09p0, 0x1.780694fde5d3fp0, 0x1.790b938ac1cf6p0,
        0x1.7a11473eb0187p0, 0x1.7b17b0976cfdbp0, 0x1.7c1ed0130c132p0, 0x1.7d26a62ff86fp0,
        0x1.7e2f336cf4e62p0, 0x1.7f3878491c491p0, 0x1.80427543e1a12p0, 0x1.814d2add106d9p0,
        0x1.82589994cce13p0, 0x1.8364c1eb941f7p0, 0x1.8471a4623c7adp0, 0x1.857f4179f5b21p0,
        0x1.868d99b4492edp0, 0x1.879cad931a436p0, 0x1.88ac7d98a6699p0, 0x1.89bd0a478580fp0,
        0x1.8ace5422aa0dbp0, 0x1.8be05bad61778p0, 0x1.8cf3216b5448cp0, 0x1.8e06a5e0866d9p0,
        0x1.8f1ae99157736p0, 0x1.902fed0282c8ap0, 0x1.9145b0b91ffc6p0, 0x1.925c353aa2fe2p0,
        0x1.93737b0cdc5e5p0, 0x1.948b82b5f98e5p0, 0x1.95a44cbc8520fp0, 0x1.96bdd9a7670b3p0,
        0x1.97d829fde4e5p0, 0x1.98f33e47a22a2p0, 0x1.9a0f170ca07bap0, 0x1.9b2bb4d53fe0dp0,
        0x1.9c49182a3f09p0, 0x1.9d674194bb8d5p0, 0x1.9e86319e32323p0, 0x1.9fa5e8d07f29ep0,
        0x1.a0c667b5de565p0, 0x1.a1e7aed8eb8bbp0, 0x1.a309bec4a2d33p0, 0x1.a42c980460ad8p0,
        0x1.a5503b23e255dp0, 0x1.a674a8af46052p0, 0x1.a799e1330b358p0, 0x1.a8bfe53c12e59p0,
        0x1.a9e6b5579fdbfp0, 0x1.ab0e521356ebap0, 0x1.ac36bbfd3f37ap0, 0x1.ad5ff3a3c2774p0,
        0x1.ae89f995ad3adp0, 0x1.afb4ce622f2ffp0, 0x1.b0e07298db666p0, 0x1.b20ce6c9a8952p0,
        0x1.b33a2b84f15fbp0, 0x1.b468415b749b1p0, 0x1.b59728de5593ap0, 0x1.b6c6e29f1c52ap0,
        0x1.b7f76f2fb5e47p0, 0x1.b928cf22749e4p0, 0x1.ba5b030a1064ap0, 0x1.bb8e0b79a6f1fp0,
        0x1.bcc1e904bc1d2p0, 0x1.bdf69c3f3a207p0, 0x1.bf2c25bd71e09p0, 0x1.c06286141b33dp0,
        0x1.c199bdd85529cp0, 0x1.c2d1cd9fa652cp0, 0x1.c40ab5fffd07ap0, 0x1.c544778fafb22p0,
        0x1.c67f12e57d14bp0, 0x1.c7ba88988c933p0, 0x1.c8f6d9406e7b5p0, 0x1.ca3405751c4dbp0,
        0x1.cb720dcef9069p0, 0x1.ccb0f2e6d1675p0, 0x1.cdf0b555dc3fap0, 0x1.cf3155b5bab74p0,
        0x1.d072d4a07897cp0, 0x1.d1b532b08c968p0, 0x1.d2f87080d89f2p0, 0x1.d43c8eacaa1d6p0,
        0x1.d5818dcfba487p0, 0x1.d6c76e862e6d3p0, 0x1.d80e316c98398p0, 0x1.d955d71ff6075p0,
        0x1.da9e603db3285p0, 0x1.dbe7cd63a8315p0, 0x1.dd321f301b46p0, 0x1.de7d5641c0658p0,
        0x1.dfc97337b9b5fp0, 0x1.e11676b197d17p0, 0x1.e264614f5a129p0, 0x1.e3b333b16ee12p0,
        0x1.e502ee78b3ff6p0, 0x1.e653924676d76p0, 0x1.e7a51fbc74c83p0, 0x1.e8f7977cdb74p0,
        0x1.ea4afa2a490dap0, 0x1.eb9f4867cca6ep0, 0x1.ecf482d8e67f1p0, 0x1.ee4aaa218851p0,
        0x1.efa1bee615a27p0, 0x1.f0f9c1cb6412ap0, 0x1.f252b376bba97p0, 0x1.f3ac948dd7274p0,
        0x1.f50765b6e454p0, 0x1.f6632798844f8p0, 0x1.f7bfdad9cbe14p0, 0x1.f91d802243c89p0,
        0x1.fa7c1819e90d8p0, 0x1.fbdba3692d514p0, 0x1.fd3c22b8f71f1p0, 0x1.fe9d96b2a23d9p0,
    ]
}
