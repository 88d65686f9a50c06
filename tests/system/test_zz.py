import time
from streams import identity
def test_lag(site, published, worker):
    n=0
    t=time.time()
    while time.time()-t<25:
        r=site.rows(); 
        if len(r)!=n: n=len(r); print(round(time.time()-t,1), n)
        print(site.lag()); time.sleep(1.5)
    from confluent_kafka import ConsumerGroupTopicPartitions
    admin=site.cluster.admin()
    for step in ("enrich","record_inference","fetch_clips","describe","project"):
        (a,)=admin.list_consumer_group_offsets([ConsumerGroupTopicPartitions(site.cluster.named(step))]).values()
        for p in a.result().topic_partitions:
            from confluent_kafka.admin import OffsetSpec
            f=admin.list_offsets({p:OffsetSpec.latest()})
            print(step,p.topic,p.partition,p.offset,list(f.values())[0].result().offset,(p.metadata or '')[:30])
    assert 0
