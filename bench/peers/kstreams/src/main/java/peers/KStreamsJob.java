package peers;

import java.time.Duration;
import java.util.*;
import org.apache.kafka.common.serialization.*;
import org.apache.kafka.common.utils.Bytes;
import org.apache.kafka.streams.*;
import org.apache.kafka.streams.kstream.*;
import org.apache.kafka.streams.state.*;
import peers.out.Session;
import footfall.WebEvent;

/** KStreamsJob BOOT APP U|F|FS|PU|PF rocks|rocks1d|mem COMMIT_MS STATE_DIR [LINGER_MS]. F = emit on window close, FS = suppress, PU/PF = Processor API. */
public final class KStreamsJob {
  /** One serde instance serves all stream threads, so the Avro state is per thread. */
  static final class EventDe implements Deserializer<WebEvent> {
    final ThreadLocal<Codec.Dec<WebEvent>> d = ThreadLocal.withInitial(Codec::view);
    /** A time mark is a record without key and value: it reads as null, and is passed over. */
    public WebEvent deserialize(String t, byte[] b) {
      if (b == null) return null;
      Progress.N.increment();
      return d.get().read(b, null);
    }
  }

  static final class SessionSerde implements Serde<Session>, Serializer<Session>, Deserializer<Session> {
    final ThreadLocal<Codec.Dec<Session>> d = ThreadLocal.withInitial(Codec::sessionDec);
    final ThreadLocal<Codec.Enc<Session>> e = ThreadLocal.withInitial(Codec::sessionEnc);
    public Session deserialize(String t, byte[] b) { return b == null ? null : d.get().read(b, null); }
    public byte[] serialize(String t, Session s) { return s == null ? null : e.get().write(s); }
    public void configure(Map<String, ?> c, boolean k) {}
    public void close() {}
    public Serializer<Session> serializer() { return this; }
    public Deserializer<Session> deserializer() { return this; }
  }

  public static void main(String[] a) throws Exception {
    String variant = a[2], store = a[3];
    Progress.start();
    Properties p = new Properties();
    p.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, a[0]);
    p.put(StreamsConfig.APPLICATION_ID_CONFIG, a[1]);
    p.put(StreamsConfig.PROCESSING_GUARANTEE_CONFIG, StreamsConfig.EXACTLY_ONCE_V2);
    p.put(StreamsConfig.NUM_STREAM_THREADS_CONFIG, "2");
    p.put(StreamsConfig.COMMIT_INTERVAL_MS_CONFIG, a[4]);
    p.put(StreamsConfig.STATE_DIR_CONFIG, a[5]);
    p.put(StreamsConfig.consumerPrefix("auto.offset.reset"), "earliest");
    p.put(StreamsConfig.producerPrefix("compression.type"), "lz4");
    p.put(StreamsConfig.producerPrefix("batch.size"), "131072");
    if (a.length > 6) p.put(StreamsConfig.producerPrefix("linger.ms"), a[6]);

    SessionSerde ss = new SessionSerde();
    Topology top = variant.startsWith("P") ? papi(variant, store, ss) : dsl(variant, store, ss);
    System.err.println(top.describe());
    KafkaStreams ks = new KafkaStreams(top, p);
    ks.setUncaughtExceptionHandler(e -> { e.printStackTrace(); return org.apache.kafka.streams.errors.StreamsUncaughtExceptionHandler.StreamThreadExceptionResponse.SHUTDOWN_CLIENT; });
    Runtime.getRuntime().addShutdownHook(new Thread(() -> ks.close(Duration.ofSeconds(10))));
    ks.start();
  }

  static long at(org.apache.kafka.clients.consumer.ConsumerRecord<Object, Object> r, long partitionTime) {
    return r.value() == null ? Math.max(0, partitionTime) : ((WebEvent) r.value()).getOccurredAt();
  }

  static Topology papi(String variant, String store, SessionSerde ss) {
    boolean fin = variant.equals("PF");
    Topology t = new Topology();
    t.addSource(org.apache.kafka.streams.AutoOffsetReset.earliest(), "in", (r, pt) -> at(r, pt), new StringDeserializer(), new EventDe(), Progress.INPUT);
    t.addProcessor("track", () -> new PapiJob.Proc(fin), "in");
    t.addStateStore(Stores.keyValueStoreBuilder(store.equals("mem") ? Stores.inMemoryKeyValueStore("s") : Stores.persistentKeyValueStore("s"), Serdes.String(), new PapiJob.OpenSerde()).withCachingDisabled(), "track");
    t.addSink("out", Progress.OUTPUT, new StringSerializer(), ss, "track");
    return t;
  }

  static Topology dsl(String variant, String store, SessionSerde ss) {
    StreamsBuilder b = new StreamsBuilder();
    var grouped = b.stream(Progress.INPUT, Consumed.with(Serdes.String(), Serdes.serdeFrom((t, v) -> null, new EventDe()))
            .withTimestampExtractor((r, pt) -> at(r, pt)))
        .groupByKey();
    var windowed = grouped.windowedBy(SessionWindows.ofInactivityGapAndGrace(Duration.ofMillis(Sessions.GAP), Duration.ofMillis(Sessions.GRACE)));
    if (variant.equals("F")) windowed = windowed.emitStrategy(EmitStrategy.onWindowClose());
    Duration keep = Duration.ofMillis(Sessions.GAP + Sessions.GRACE);
    Materialized<String, Session, SessionStore<Bytes, byte[]>> m = switch (store) {
      case "mem" -> Materialized.as(Stores.inMemorySessionStore("s", keep));
      case "rocks1d" -> Materialized.<String, Session, SessionStore<Bytes, byte[]>>as("s").withRetention(Duration.ofDays(1));
      default -> Materialized.as("s"); // retention = gap + grace
    };
    m = m.withKeySerde(Serdes.String()).withValueSerde(ss).withCachingDisabled();
    KTable<Windowed<String>, Session> t = windowed.aggregate(Sessions::empty, Sessions::add, (k, x, y) -> Sessions.merge(x, y), m);
    if (variant.equals("FS")) t = t.suppress(Suppressed.untilWindowCloses(Suppressed.BufferConfig.unbounded()));
    t.toStream().filter((k, v) -> v != null).selectKey((k, v) -> k.key()).to(Progress.OUTPUT, Produced.with(Serdes.String(), ss));
    return b.build();
  }
}
