import Foundation
import Model
import Testing

@testable import Outbound

@Suite struct ObjectStoreTests {
    private static let example = ObjectStoreCredentials(
        accessKey: "AKIAIOSFODNN7EXAMPLE",
        secretKey: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
    )
    private static let emptyHash = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

    private func signature(_ authorization: String) -> String {
        authorization.split(separator: "Signature=").last.map(String.init) ?? ""
    }

    /// The examples of AWS: "Authenticating Requests: Using the Authorization Header".
    @Test("Signatures are those of the published examples")
    func published() {
        let signer = RequestSignature(
            credentials: ObjectStoreTests.example,
            region: "us-east-1",
            time: "20130524T000000Z"
        )
        let host = (name: "Host", value: "examplebucket.s3.amazonaws.com")
        let date = (name: "x-amz-date", value: "20130524T000000Z")
        func payload(_ hash: String) -> (name: String, value: String) { ("x-amz-content-sha256", hash) }
        let get = signer.authorization(
            .init(
                method: "GET",
                path: "/test.txt",
                headers: [host, ("Range", "bytes=0-9"), payload(ObjectStoreTests.emptyHash), date],
                payload: ObjectStoreTests.emptyHash
            )
        )
        #expect(signature(get) == "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41")
        #expect(
            get.contains("Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request,")
                && get.contains("SignedHeaders=host;range;x-amz-content-sha256;x-amz-date,")
        )
        let hash = "44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072"
        let put = signer.authorization(
            .init(
                method: "PUT",
                path: "/test$file.text",
                headers: [
                    host, ("Date", "Fri, 24 May 2013 00:00:00 GMT"), payload(hash), date,
                    ("x-amz-storage-class", "REDUCED_REDUNDANCY"),
                ],
                payload: hash
            )
        )
        #expect(signature(put) == "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd")
        let list = signer.authorization(
            .init(
                method: "GET",
                path: "/",
                query: [("prefix", "J"), ("max-keys", "2")],
                headers: [host, payload(ObjectStoreTests.emptyHash), date],
                payload: ObjectStoreTests.emptyHash
            )
        )
        #expect(signature(list) == "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7")
    }

    @Test("Credentials come from the environment, else from a profile of the file, and are never described")
    func credentials() throws {
        let file = """
            [other]
            aws_access_key_id = O
            aws_secret_access_key = P
            [default]
            aws_access_key_id=A
            aws_secret_access_key = S=1
            """
        func read(_ environment: [String: String]) -> ObjectStoreCredentials? {
            ObjectStoreCredentials(environment: environment) { $0 == "/h/.aws/credentials" ? file : nil }
        }
        let fromEnvironment = try #require(
            read([
                "AWS_ACCESS_KEY_ID": "E", "AWS_SECRET_ACCESS_KEY": "top secret", "AWS_SESSION_TOKEN": "T",
                "HOME": "/h",
            ])
        )
        #expect(fromEnvironment.accessKey == "E" && fromEnvironment.sessionToken == "T")
        #expect(
            !"\(fromEnvironment)".contains("secret ") && !String(reflecting: fromEnvironment).contains("top")
        )
        let fromFile = try #require(read(["HOME": "/h"]))
        #expect(fromFile.accessKey == "A" && fromFile.secretKey == "S=1" && fromFile.sessionToken == nil)
        #expect(read(["HOME": "/h", "AWS_PROFILE": "other"])?.secretKey == "P")
        #expect(read(["HOME": "/h", "AWS_PROFILE": "none"]) == nil)
        #expect(read([:]) == nil)
    }

    @Test("A listing is read page by page, an error by its words")
    func listing() {
        let page = ObjectListing(
            """
            <?xml version="1.0"?><ListBucketResult><Name>b</Name><IsTruncated>true</IsTruncated>
            <Contents><Key>a&amp;b/&lt;1&gt;</Key><Size>12</Size></Contents>
            <Contents><Key>c</Key><ETag>&quot;x&quot;</ETag><Size>0</Size></Contents>
            <NextContinuationToken>1/w==</NextContinuationToken></ListBucketResult>
            """
        )
        #expect(page.objects == [.init(key: "a&b/<1>", size: 12), .init(key: "c", size: 0)])
        #expect(page.nextToken == "1/w==")
        let last = ObjectListing("<ListBucketResult><IsTruncated>false</IsTruncated></ListBucketResult>")
        #expect(last.objects.isEmpty && last.nextToken == nil)
        #expect(ObjectListing("<Contents><Key>").objects.isEmpty)
        let error = "<Error><Code>NoSuchBucket</Code><Message>There &amp; gone</Message></Error>"
        #expect(ObjectListing.errorText(error) == ": NoSuchBucket: There & gone")
    }

    @Test("An object is put signed, and again after an answer that is no fault of the request")
    func put() async throws {
        let server = try await CaptureServer()
        let store = try ObjectStore(
            endpoint: "http://\(server.address)/",
            region: "r",
            bucket: "bucket",
            credentials: ObjectStoreTests.example,
            retryMillis: 1
        )
        server.book.answer(503, 500, 200)
        try await store.put(Array("hello".utf8), key: "a b/c")
        let requests = try await server.requests(3)
        for request in requests {
            #expect(request.method == "PUT" && request.uri == "/bucket/a%20b/c" && request.body == "hello")
            #expect(request.headers["host"] == [server.address])
            #expect(
                request.headers["authorization"].first?.hasPrefix("AWS4-HMAC-SHA256 Credential=AKIA") == true
            )
        }
        try await store.put(size: 5, sha256: ObjectStoreTests.emptyHash, key: "d") { range in
            Array("hello".utf8)[range].map { $0 }
        }
        #expect(try await server.requests(4)[3].body == "hello")
        server.book.answer(403)
        let failure = await #expect(throws: ObjectStore.Failure.self) { try await store.remove("d") }
        #expect(failure?.description.contains("DELETE bucket/d: status 403") == true)
        #expect(failure?.description.contains(ObjectStoreTests.example.secretKey) == false)
        #expect(server.book.requests.count == 5)
        try await server.close()
        #expect(throws: ObjectStore.Failure.self) {
            _ = try ObjectStore(
                endpoint: "ftp://x",
                region: "",
                bucket: "b",
                credentials: ObjectStoreTests.example
            )
        }
    }

    /// A store at `server` that takes parts of four bytes.
    private func smallParts(_ server: CaptureServer) throws -> ObjectStore {
        try ObjectStore(
            endpoint: "http://\(server.address)",
            region: "r",
            bucket: "b",
            credentials: ObjectStoreTests.example,
            partByteCount: 4,
            retryMillis: 1
        )
    }

    private func putTenBytes(_ store: ObjectStore) async throws {
        try await store.put(size: 10, sha256: ObjectStoreTests.emptyHash, key: "k") { range in
            Array("0123456789".utf8)[range].map { $0 }
        }
    }

    @Test("A large object is put in parts, each tried again and signed with its own checksum")
    func parts() async throws {
        let server = try await CaptureServer()
        server.book.text =
            "<InitiateMultipartUploadResult><UploadId>i&amp;d</UploadId></InitiateMultipartUploadResult>"
        server.book.answer(200, 200, 500, 200)
        try await putTenBytes(smallParts(server))
        let requests = try await server.requests(6)
        #expect(
            requests.map { "\($0.method) \($0.uri)" } == [
                "POST /b/k?uploads=", "PUT /b/k?partNumber=1&uploadId=i%26d",
                "PUT /b/k?partNumber=2&uploadId=i%26d",
                "PUT /b/k?partNumber=2&uploadId=i%26d", "PUT /b/k?partNumber=3&uploadId=i%26d",
                "POST /b/k?uploadId=i%26d",
            ]
        )
        #expect(requests[1...4].map(\.body) == ["0123", "4567", "4567", "89"])
        // sha256sum of "0123"
        #expect(
            requests[1].headers["x-amz-content-sha256"] == [
                "1be2e452b46d7a0d9656bbb1f768e8248eba1b75baed65f5d99eafa948899a6a"
            ]
        )
        let parts = [(1, 2), (2, 4), (3, 5)].map { number, tag in
            "<Part><PartNumber>\(number)</PartNumber><ETag>&quot;\(tag)&quot;</ETag></Part>"
        }
        #expect(requests[5].body.contains(parts.joined()))
        try await server.close()
    }

    @Test("Parts of an object that cannot be put are given up, also when the error comes after the status")
    func partsFail() async throws {
        let server = try await CaptureServer()
        let store = try smallParts(server)
        server.book.text = "<UploadId>id</UploadId>"
        server.book.answer(200, 200, 403, 204)
        var failure = await #expect(throws: ObjectStore.Failure.self) { try await putTenBytes(store) }
        #expect(failure?.description.contains("PUT b/k: status 403") == true)
        #expect(try await server.requests(4).map(\.method) == ["POST", "PUT", "PUT", "DELETE"])
        server.book.text = "<UploadId>id</UploadId><Error><Code>InternalError</Code></Error>"
        failure = await #expect(throws: ObjectStore.Failure.self) { try await putTenBytes(store) }
        #expect(failure?.description == "POST k: InternalError")
        #expect(try await server.requests(10).last?.method == "DELETE")
        server.book.text = ""
        failure = await #expect(throws: ObjectStore.Failure.self) { try await putTenBytes(store) }
        #expect(failure?.description.contains("names no upload") == true)
        try await server.close()
    }

    @Test(
        "Parts come together in a real object store",
        .enabled(
            if: ProcessInfo.processInfo.environment["SEXTANT_TEST_S3"] != nil,
            "no address of an object store with a bucket named test in SEXTANT_TEST_S3"
        )
    )
    func realParts() async throws {
        let endpoint = try #require(ProcessInfo.processInfo.environment["SEXTANT_TEST_S3"])
        let store = try ObjectStore(
            endpoint: endpoint,
            region: "us-east-1",
            bucket: "test",
            credentials: ObjectStoreTests.example,
            partByteCount: 5 << 20
        )
        let bytes = (0..<(12 << 20)).map { UInt8(truncatingIfNeeded: $0 &* 7919 >> 3) }
        try await store.put(size: bytes.count, sha256: "", key: "parts/one") { Array(bytes[$0]) }
        var found: [UInt8] = []
        try await store.read("parts/one") { found += $0 }
        #expect(found == bytes)
        #expect(try await store.list("parts/") == ["parts/one": bytes.count])
    }
}
