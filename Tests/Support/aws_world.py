"""A small Amazon: moto's server with an organization, instances and roles, and every request's signature and rights checked.

usage: aws_world.py
Prints what there is, as JSON on one line; then takes commands, one per line, and prints a line when each is done:
  terminate ID        an instance ends
  attach ID SECONDS   the root disk of an instance is said to have come so long after the machine
  unchecked N         the next N requests are not held to anything: moto takes no signature of EKS, not even Amazon's
  log                 the calls since the last time, as a JSON list of [service, action, account]
Ends with its input.
"""
import datetime
import json
import logging
import os
import sys
import urllib.request

os.environ["AWS_EC2_METADATA_DISABLED"] = "true"
os.environ["MOTO_IAM_LOAD_MANAGED_POLICIES"] = "false"
import boto3  # noqa: E402
from moto.backends import get_backend  # noqa: E402
from moto.core.responses import BaseResponse  # noqa: E402
from moto.server import ThreadedMotoServer  # noqa: E402

REGION = "us-west-2"
logging.getLogger("werkzeug").setLevel(logging.ERROR)
calls = []
dispatch = BaseResponse.call_action


def recorded(self):
    calls.append([self.service_name, self._get_action(), self.current_account])
    return dispatch(self)


BaseResponse.call_action = recorded
server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
server.start()
URL = "http://%s:%d" % server.get_host_and_port()


def client(service, keys=None):
    keys = keys or {"aws_access_key_id": "testing", "aws_secret_access_key": "testing"}
    return boto3.client(service, region_name=REGION, endpoint_url=URL, **keys)


def inside(account):
    found = client("sts").assume_role(
        RoleArn="arn:aws:iam::%s:role/setup" % account, RoleSessionName="setup")["Credentials"]
    return {"aws_access_key_id": found["AccessKeyId"], "aws_secret_access_key": found["SecretAccessKey"],
            "aws_session_token": found["SessionToken"]}


def policy(*actions):
    return json.dumps({"Version": "2012-10-17",
                       "Statement": [{"Effect": "Allow", "Action": list(actions), "Resource": "*"}]})


TRUST = json.dumps({"Version": "2012-10-17", "Statement": [
    {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}]})


def role(iam, name, *actions):
    iam.create_role(RoleName=name, AssumeRolePolicyDocument=TRUST)
    iam.put_role_policy(RoleName=name, PolicyName="p", PolicyDocument=policy(*actions))


management = client("sts").get_caller_identity()["Account"]
organizations = client("organizations")
organizations.create_organization(FeatureSet="ALL")
accounts = {}
for name in ("nodes", "closed"):
    status = organizations.create_account(AccountName=name, Email=name + "@example.org")["CreateAccountStatus"]
    accounts[name] = status["AccountId"]
organizations.close_account(AccountId=accounts["closed"])
accounts["stranger"] = "999999999999"

iam = client("iam")
iam.create_user(UserName="spire")
iam.put_user_policy(UserName="spire", PolicyName="p", PolicyDocument=policy("sts:AssumeRole"))
key = iam.create_access_key(UserName="spire")["AccessKey"]
role(iam, "organization", "organizations:ListAccounts")

instances = {}
for name, account in accounts.items():
    keys = inside(account)
    iam, ec2 = client("iam", keys), client("ec2", keys)
    role(iam, "delegate", "ec2:DescribeInstances", "iam:GetInstanceProfile", "eks:*", "autoscaling:*")
    role(iam, "powerless", "s3:ListBuckets")
    iam.create_role(RoleName="blog", Path="/apps/", AssumeRolePolicyDocument=TRUST)
    iam.create_instance_profile(InstanceProfileName="blog-profile", Path="/team/web/")
    iam.add_role_to_instance_profile(InstanceProfileName="blog-profile", RoleName="blog")
    group = ec2.create_security_group(GroupName="web servers", Description="x")["GroupId"]
    made = ec2.run_instances(
        ImageId="ami-12c6146b", MinCount=1, MaxCount=1, SecurityGroupIds=[group],
        IamInstanceProfile={"Name": "blog-profile"},
        TagSpecifications=[{"ResourceType": "instance", "Tags": [
            {"Key": "Name", "Value": "web-1"}, {"Key": "team", "Value": "a:b"}, {"Key": "empty", "Value": ""},
            {"Key": "Path", "Value": "../../server"}]}])["Instances"][0]
    instances[name] = {"account": account, "id": made["InstanceId"], "group": group, "image": made["ImageId"],
                       "role": "arn:aws:iam::%s:role/apps/blog" % account}

# A node of a Kubernetes cluster, in the account of the first one.
keys = inside(accounts["nodes"])
ec2, eks, scaling = client("ec2", keys), client("eks", keys), client("autoscaling", keys)
member = ec2.run_instances(ImageId="ami-12c6146b", MinCount=1, MaxCount=1)["Instances"][0]
subnets = [found["SubnetId"] for found in ec2.describe_subnets()["Subnets"]][:2]
arn = "arn:aws:iam::%s:role/blog" % accounts["nodes"]
eks.create_cluster(name="shop", roleArn=arn, resourcesVpcConfig={"subnetIds": subnets})
eks.create_nodegroup(clusterName="shop", nodegroupName="web", subnets=subnets, nodeRole=arn)
groups = eks.describe_nodegroup(clusterName="shop", nodegroupName="web")["nodegroup"]["resources"]["autoScalingGroups"]
scaling.create_auto_scaling_group(
    AutoScalingGroupName=groups[0]["name"], MinSize=0, MaxSize=3, DesiredCapacity=0,
    InstanceId=member["InstanceId"], AvailabilityZones=[REGION + "a"])
scaling.attach_instances(InstanceIds=[member["InstanceId"]], AutoScalingGroupName=groups[0]["name"])
instances["member"] = {"account": accounts["nodes"], "id": member["InstanceId"], "group": "", "image": member["ImageId"],
                       "role": ""}

def unchecked(requests):
    """So many requests are not held to their signatures and to their callers' rights; those that follow are."""
    urllib.request.urlopen(urllib.request.Request(
        URL + "/moto-api/reset-auth", data=b"%d" % requests, headers={"Content-Type": "text/plain"})).read()


unchecked(0)
calls.clear()
print(json.dumps({"url": URL, "keyID": key["AccessKeyId"], "secret": key["SecretAccessKey"], "region": REGION,
                  "management": management, "instances": instances}), flush=True)

backends = {entry["id"]: get_backend("ec2")[entry["account"]][REGION] for entry in instances.values()}
for line in sys.stdin:
    words = line.split()
    if words[0] == "terminate":
        backends[words[1]].terminate_instances([words[1]])
        print("done", flush=True)
    elif words[0] == "attach":
        machine = backends[words[1]].get_instance(words[1])
        device = machine.block_device_mapping[machine.root_device_name]
        when = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=int(words[2]))
        device.attach_time = when.strftime("%Y-%m-%dT%H:%M:%SZ")
        print("done", flush=True)
    elif words[0] == "log":
        print(json.dumps(calls), flush=True)
        calls.clear()
    elif words[0] == "unchecked":
        unchecked(int(words[1]))
        print("done", flush=True)
