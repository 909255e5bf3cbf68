package peers;

import footfall.Activity;
import footfall.WebEvent;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import org.apache.flink.api.common.eventtime.WatermarkStrategy;
import org.apache.flink.api.common.functions.AggregateFunction;
import org.apache.flink.api.common.state.ValueState;
import org.apache.flink.api.common.state.ValueStateDescriptor;
import org.apache.flink.api.common.functions.OpenContext;
import org.apache.flink.api.common.typeinfo.TypeInformation;
import org.apache.flink.api.common.typeinfo.Types;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.connector.base.DeliveryGuarantee;
import org.apache.flink.connector.kafka.sink.KafkaRecordSerializationSchema;
import org.apache.flink.connector.kafka.sink.KafkaSink;
import org.apache.flink.connector.kafka.source.KafkaSource;
import org.apache.flink.connector.kafka.source.enumerator.initializer.OffsetsInitializer;
import org.apache.flink.connector.kafka.source.reader.deserializer.KafkaRecordDeserializationSchema;
import org.apache.flink.streaming.api.datastream.KeyedStream;
import org.apache.flink.streaming.api.datastream.SingleOutputStreamOperator;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.streaming.api.functions.KeyedProcessFunction;
import org.apache.flink.streaming.api.windowing.assigners.EventTimeSessionWindows;
import org.apache.flink.streaming.api.windowing.triggers.Trigger;
import org.apache.flink.streaming.api.windowing.triggers.TriggerResult;
import org.apache.flink.streaming.api.windowing.windows.TimeWindow;
import org.apache.flink.util.Collector;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.producer.ProducerRecord;
import peers.out.Session;

/** FlinkJob BOOT GROUP U|UT|F heap|rocks CHECKPOINT_MS DIR. U = process function, UT = window with a trigger for each element. */
public final class FlinkJob {
  static final class De implements KafkaRecordDeserializationSchema<Ev> {
    private transient Codec.Dec<WebEvent> dec;
    private transient WebEvent w;
    private transient Ev e;

    public void deserialize(ConsumerRecord<byte[], byte[]> r, Collector<Ev> out) {
      if (r.value() == null) return; // a time mark
      if (dec == null) { dec = Codec.view(); e = new Ev(); }
      w = dec.read(r.value(), w);
      Activity a = w.getWebEvent();
      // object reuse: the source emits at once into the chained watermark operator and the network serializer
      e.visitor = new String(r.key(), StandardCharsets.ISO_8859_1);
      e.pageView = Sessions.PAGE_VIEW.equals(a.getEventName());
      e.ts = w.getOccurredAt();
      e.url = a.getPage().getUrl();
      e.browser = Sessions.browser(a);
      e.device = Sessions.device(a);
      e.referrer = Sessions.referrer(a);
      e.campaign = Sessions.campaign(a);
      Progress.N.increment();
      out.collect(e);
    }

    public TypeInformation<Ev> getProducedType() { return Ev.TYPE; }
  }

  static final class Ser implements KafkaRecordSerializationSchema<Sess> {
    private transient Codec.Enc<Session> enc;
    private transient Session s;

    public ProducerRecord<byte[], byte[]> serialize(Sess v, KafkaSinkContext c, Long ts) {
      if (enc == null) { enc = Codec.sessionEnc(); s = new Session(); }
      s.setVisitorId(v.visitor);
      s.setStart(v.start);
      s.setEnd(v.end);
      s.setEventCount(v.events);
      s.setPageViewCount(v.pageViews);
      s.setEntryUrl(v.entry);
      s.setExitUrl(v.exit);
      s.setBrowser(v.browser);
      s.setDevice(v.device);
      s.setReferrer(v.referrer);
      s.setCampaign(v.campaign);
      return new ProducerRecord<>(Progress.OUTPUT, null, ts, v.visitor.getBytes(StandardCharsets.ISO_8859_1), enc.write(s));
    }
  }

  static final class Agg implements AggregateFunction<Ev, Sess, Sess> {
    public Sess createAccumulator() { return new Sess(); }
    public Sess add(Ev e, Sess s) { return s.add(e); }
    public Sess getResult(Sess s) { return s; }
    public Sess merge(Sess a, Sess b) { return a.events == 0 ? b : b.events == 0 ? a : a.merge(b); }
  }

  /** Fires at each element; nothing at the end (the window operator's own timer drops the state). */
  static final class Each extends Trigger<Ev, TimeWindow> {
    public TriggerResult onElement(Ev e, long ts, TimeWindow w, TriggerContext c) { return TriggerResult.FIRE; }
    public TriggerResult onProcessingTime(long t, TimeWindow w, TriggerContext c) { return TriggerResult.CONTINUE; }
    public TriggerResult onEventTime(long t, TimeWindow w, TriggerContext c) { return TriggerResult.CONTINUE; }
    public boolean canMerge() { return true; }
    public void onMerge(TimeWindow w, OnMergeContext c) {}
    public void clear(TimeWindow w, TriggerContext c) {}
  }

  /** The open sessions of the visitor (nearly always one), the session so far for each event, one timer a visitor. */
  static final class Track extends KeyedProcessFunction<String, Ev, Sess> {
    private transient ValueState<SessList> st;

    @Override
    public void open(OpenContext c) {
      st = getRuntimeContext().getState(new ValueStateDescriptor<>("open", SessList.TYPE));
    }

    @Override
    public void processElement(Ev e, Context c, Collector<Sess> out) throws Exception {
      SessList l = st.value();
      if (l == null) l = new SessList();
      Sess hit = null;
      for (int i = 0; i < l.n; i++) {
        Sess s = l.a[i];
        if (e.ts >= s.start - Sessions.GAP && e.ts <= s.end + Sessions.GAP) {
          if (hit == null) {
            hit = s;
          } else {
            Sess m = hit.merge(s);
            l.replace(hit, m);
            hit = m;
            l.remove(i--);
          }
        }
      }
      if (hit == null) {
        hit = new Sess();
        l.add(hit);
      }
      hit.add(e);
      if (l.timer == 0) {
        l.timer = hit.end + Sessions.GAP;
        c.timerService().registerEventTimeTimer(l.timer);
      }
      st.update(l);
      out.collect(hit);
    }

    @Override
    public void onTimer(long t, OnTimerContext c, Collector<Sess> out) throws Exception {
      SessList l = st.value();
      long next = Long.MAX_VALUE;
      for (int i = 0; i < l.n; i++) {
        long end = l.a[i].end + Sessions.GAP;
        if (end <= t) l.remove(i--);
        else next = Math.min(next, end);
      }
      if (l.n == 0) {
        st.clear();
      } else {
        l.timer = next;
        c.timerService().registerEventTimeTimer(next);
        st.update(l);
      }
    }
  }

  public static void main(String[] a) throws Exception {
    String variant = a[2], backend = a[3];
    Progress.start();
    Configuration conf = new Configuration();
    conf.setString("state.backend.type", backend.equals("heap") ? "hashmap" : "rocksdb");
    conf.setString("execution.checkpointing.incremental", backend.equals("heap") ? "false" : "true");
    conf.setString("execution.checkpointing.storage", "filesystem");
    conf.setString("execution.checkpointing.dir", "file://" + a[5] + "/ckpt");
    conf.setString("state.backend.rocksdb.localdir", a[5] + "/rocks");
    conf.setString("io.tmp.dirs", a[5] + "/tmp");
    conf.setString("taskmanager.memory.managed.size", backend.equals("heap") ? "32mb" : "512mb");
    conf.setString("pipeline.object-reuse", "true");
    conf.setString("pipeline.generic-types", "false");
    conf.setString("rest.port", "0");
    StreamExecutionEnvironment env = StreamExecutionEnvironment.createLocalEnvironment(2, conf);
    env.enableCheckpointing(Long.parseLong(a[4]));

    KafkaSource<Ev> src = KafkaSource.<Ev>builder().setBootstrapServers(a[0]).setTopics(Progress.INPUT).setGroupId(a[1])
        .setStartingOffsets(OffsetsInitializer.earliest()).setDeserializer(new De())
        .setProperty("partition.discovery.interval.ms", "-1").setProperty("isolation.level", "read_committed").build();
    KafkaSink<Sess> sink = KafkaSink.<Sess>builder().setBootstrapServers(a[0]).setRecordSerializer(new Ser())
        .setDeliveryGuarantee(DeliveryGuarantee.EXACTLY_ONCE).setTransactionalIdPrefix(a[1])
        .setProperty("transaction.timeout.ms", "600000").setProperty("compression.type", "lz4")
        .setProperty("linger.ms", "100").setProperty("batch.size", "131072").build();

    KeyedStream<Ev, String> keyed = env
        .fromSource(src, WatermarkStrategy.<Ev>forBoundedOutOfOrderness(Duration.ofMillis(Sessions.GRACE)).withTimestampAssigner((e, t) -> e.ts), "events")
        .keyBy(e -> e.visitor, Types.STRING);
    SingleOutputStreamOperator<Sess> out = switch (variant) {
      case "U" -> keyed.process(new Track(), Sess.TYPE);
      case "UT" -> keyed.window(EventTimeSessionWindows.withGap(Duration.ofMillis(Sessions.GAP))).trigger(new Each()).aggregate(new Agg(), Sess.TYPE, Sess.TYPE);
      default -> keyed.window(EventTimeSessionWindows.withGap(Duration.ofMillis(Sessions.GAP))).aggregate(new Agg(), Sess.TYPE, Sess.TYPE);
    };
    out.sinkTo(sink);
    env.execute("sessions");
  }
}
